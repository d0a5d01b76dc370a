const TEXT = 1
const CLOSE = 8
const PING = 9
const MASKED = 0x80
const FINAL = 0x80

/** Where in `bytes` the payload of a text frame stands. Only valid until the callback returns. */
type OnText = (bytes: Buffer, start: number, end: number) => void

/** Reads the frames of a WebSocket server from TCP chunks, whole ones without copying them. Source: RFC 6455, 5.2. */
export class FrameReader {
  readonly #onText: OnText
  readonly #onClose: () => void
  /** The beginning of a frame whose end has not come. */
  #rest: Buffer | undefined

  constructor(onText: OnText, onClose: () => void) {
    this.#onText = onText
    this.#onClose = onClose
  }

  /** `chunk` may be reused by the caller afterwards. */
  read(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    for (;;) {
      const frame = frameAt(bytes, at)
      if (frame === undefined) break
      at = frame.end
      if (frame.opcode === TEXT) this.#onText(bytes, frame.start, frame.end)
      else if (frame.opcode === CLOSE) this.#onClose()
      else if (frame.opcode !== PING) throw new Error(`no frame of the kind ${frame.opcode} is expected`)
    }
    this.#rest = at === bytes.length ? undefined : Buffer.from(bytes.subarray(at))
  }
}

/** Undefined when it is not whole. */
function frameAt(bytes: Buffer, at: number) {
  const [first, second] = [bytes[at], bytes[at + 1]]
  if (first === undefined || second === undefined) return undefined
  if ((first & FINAL) === 0) throw new Error('no frame in parts is expected')
  const head = second < 126 ? 2 : second === 126 ? 4 : 10
  if (bytes.length < at + head) return undefined
  const length =
    head === 2 ? second : head === 4 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2))
  const start = at + head
  return bytes.length < start + length ? undefined : { opcode: first & 15, start, end: start + length }
}

/** A text frame as a client sends it. Masked with zeros, which is allowed, and costs nothing. */
export function clientFrame(text: string): Buffer {
  const payload = Buffer.from(text)
  const { length } = payload
  if (length >= 65_536) throw new Error('no client says so much')
  const head =
    length < 126 ? [FINAL | TEXT, MASKED | length] : [FINAL | TEXT, MASKED | 126, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload])
}
