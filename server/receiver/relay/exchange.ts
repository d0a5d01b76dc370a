import type { Dispatcher } from 'undici'

/** Beyond it, an answer counts as a failure: nothing that the provider expects is longer. */
const MAX_ANSWER_BYTES = 2 ** 20
/** Of the answers that are being read, all together. */
const MAX_READING_BYTES = 2 ** 26

/** The bytes of answers that are being read. */
export class ReadingBytes {
  #bytes = 0

  take(bytes: number): boolean {
    if (this.#bytes + bytes > MAX_READING_BYTES) return false
    this.#bytes += bytes
    return true
  }

  release(bytes: number): void {
    this.#bytes -= bytes
  }
}

/** Reads the body of an answer. Rejects if it is too large, or incomplete. */
export async function readAnswer({ body }: Dispatcher.ResponseData, reading: ReadingBytes): Promise<Buffer> {
  let bytes = 0
  try {
    const chunks: Buffer[] = []
    for await (const chunk of body as AsyncIterable<Buffer>) {
      if (bytes + chunk.length > MAX_ANSWER_BYTES)
        throw new Error(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`)
      if (!reading.take(chunk.length)) throw new Error('too many answers are being read')
      bytes += chunk.length
      chunks.push(chunk)
    }
    return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)
  } catch (error) {
    body.on('error', () => undefined).destroy()
    throw error
  } finally {
    reading.release(bytes)
  }
}
