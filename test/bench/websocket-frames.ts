const TEXT = 1
const CLOSE = 8
const PING = 9
const MASKED = 0x80
const FINAL = 0x80

/** Receives the range of `bytes` that holds the payload of a text frame. Only valid until the callback returns. */
type OnText = (bytes: Buffer, start: number, end: number) => void

/** Parses the frames of a WebSocket server from TCP chunks, without copying complete ones. Source: RFC 6455, 5.2. */
export class FrameReader {
  readonly #onText: OnText
  readonly #onClose: () => void
  /** The start of a frame that is not complete yet. */
  #rest: Buffer | undefined

  constructor(onText: OnText, onClose: () => void) {
    this.#onText = onText
    this.#onClose = onClose
  }

  /** The caller may reuse `chunk` afterwards. */
  read(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    for (;;) {
      const frame = frameAt(bytes, at)
      if (frame === undefined) break
      at = frame.end
      if (frame.opcode === TEXT) this.#onText(bytes, frame.start, frame.end)
      else if (frame.opcode === CLOSE) this.#onClose()
      else if (frame.opcode !== PING) throw new Error(`unexpected frame with opcode ${frame.opcode}`)
    }
    this.#rest = at === bytes.length ? undefined : Buffer.from(bytes.subarray(at))
  }
}

/** Returns undefined when the frame is not complete. */
function frameAt(bytes: Buffer, at: number) {
  const [first, second] = [bytes[at], bytes[at + 1]]
  if (first === undefined || second === undefined) return undefined
  if ((first & FINAL) === 0) throw new Error('unexpected fragmented frame')
  const head = second < 126 ? 2 : second === 126 ? 4 : 10
  if (bytes.length < at + head) return undefined
  const length =
    head === 2 ? second : head === 4 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2))
  const start = at + head
  return bytes.length < start + length ? undefined : { opcode: first & 15, start, end: start + length }
}

/** Encodes a text frame of a client. The mask is zero, which is allowed and costs nothing. */
export function clientFrame(text: string): Buffer {
  const payload = Buffer.from(text)
  const { length } = payload
  if (length >= 65_536) throw new Error('the text is too long')
  const head =
    length < 126 ? [FINAL | TEXT, MASKED | length] : [FINAL | TEXT, MASKED | 126, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload])
}
