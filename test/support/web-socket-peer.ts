import { openRaw } from './raw-connection.ts'
import type { RawConnection } from './raw-connection.ts'
import { waitUntil } from './wait.ts'

/** Opcodes of RFC 6455, 5.2. */
export const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export interface FrameOptions {
  /** Text is sent as UTF-8. */
  readonly payload?: Buffer | string
  /** A text frame by default. */
  readonly opcode?: number
  readonly final?: boolean
  /** The three reserved bits, 0 to 7. */
  readonly rsv?: number
  readonly masked?: boolean
  /** How the length is written; by default the shortest of 7, 16 and 64 bits. */
  readonly lengthBits?: 7 | 16 | 64
  /** A length other than that of the payload. */
  readonly declaredLength?: bigint
}

const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d])

/** Encodes a frame as a client would, or as none should. */
export function encodeFrame({
  payload = '',
  opcode = OPCODES.text,
  final = true,
  rsv = 0,
  masked = true,
  declaredLength,
  ...options
}: FrameOptions = {}): Buffer {
  const bytes = Buffer.from(payload)
  const length = declaredLength ?? BigInt(bytes.length)
  const lengthBits = options.lengthBits ?? (length < 126 ? 7 : length < 65_536 ? 16 : 64)
  const extended = Buffer.alloc(lengthBits === 7 ? 0 : lengthBits / 8)
  if (lengthBits === 16) extended.writeUInt16BE(Number(length))
  if (lengthBits === 64) extended.writeBigUInt64BE(length)
  const second = lengthBits === 7 ? Number(length) : lengthBits === 16 ? 126 : 127
  return Buffer.concat([
    Buffer.of((final ? 0x80 : 0) | (rsv << 4) | opcode, (masked ? 0x80 : 0) | second),
    extended,
    masked ? MASK : Buffer.alloc(0),
    masked ? bytes.map((byte, i) => byte ^ (MASK[i % 4] ?? 0)) : bytes,
  ])
}

/** Encodes a close frame. */
export const closeFrame = (code: number, reason: Buffer | string = ''): Buffer => {
  const head = Buffer.alloc(2)
  head.writeUInt16BE(code)
  return encodeFrame({ opcode: OPCODES.close, payload: Buffer.concat([head, Buffer.from(reason)]) })
}

interface ReceivedFrame {
  readonly opcode: number
  readonly payload: Buffer
}

/** A WebSocket written by hand over TCP. */
export interface WebSocketPeer extends RawConnection {
  /** The head of the response to the opening handshake. */
  readonly head: string
  /** Every frame received so far. */
  frames(): ReceivedFrame[]
  /** The text frames received so far. */
  texts(): string[]
  /** Sends an unmasked text in one proper frame. */
  sendText(text: string): void
  /** Resolves with the first text after the `from`th that matches. */
  text(description: string, matches: (text: string) => boolean, from?: number): Promise<string>
  /** The code of the close frame received: 0 if it has none, undefined without a close frame. */
  closeCode(): number | undefined
}

const SOCKET_IO_PATH = '/socket.io/?EIO=4&transport=websocket'

/** The request that opens a WebSocket, with headers added, replaced, or left out where the value is undefined. */
export function openingHandshake(
  headers: Readonly<Record<string, string | undefined>> = {},
  path = SOCKET_IO_PATH,
  start = `GET ${path} HTTP/1.1`,
): string {
  const all: Record<string, string | undefined> = {
    Host: '127.0.0.1',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  }
  const lines = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}`],
  )
  return [start, ...lines, '', ''].join('\r\n')
}

/** Opens a WebSocket. Rejects with the response if it is not 101. */
export async function openWebSocketPeer(
  port: number,
  path = SOCKET_IO_PATH,
  headers: Readonly<Record<string, string>> = {},
): Promise<WebSocketPeer> {
  const connection = await openRaw(port, { allowHalfOpen: true })
  connection.send(openingHandshake(headers, path))
  await connection.until((received) => received.includes('\r\n\r\n'))
  const head = connection.received().slice(0, connection.received().indexOf('\r\n\r\n') + 4)
  if (!head.startsWith('HTTP/1.1 101')) {
    connection.destroy()
    throw new Error(connection.received())
  }
  const frames = (): ReceivedFrame[] =>
    decodeFrames(Buffer.from(connection.received().slice(head.length), 'latin1'))
  const texts = (): string[] =>
    frames()
      .filter(({ opcode }) => opcode === OPCODES.text)
      .map(({ payload }) => payload.toString())
  const closeCode = (): number | undefined => {
    const payload = frames().find(({ opcode }) => opcode === OPCODES.close)?.payload
    return payload === undefined ? undefined : payload.length < 2 ? 0 : payload.readUInt16BE()
  }
  return {
    ...connection,
    head,
    frames,
    texts,
    sendText: (text) => connection.send(encodeFrame({ payload: text })),
    async text(description, matches, from = 0) {
      const find = () => texts().slice(from).find(matches)
      await waitUntil(description, () => find() !== undefined || connection.isClosed())
      const found = find()
      if (found === undefined)
        throw new Error(`closed before ${description}: ${JSON.stringify(texts())}, code ${closeCode()}`)
      return found
    },
    closeCode,
  }
}

/** Decodes the whole frames at the start of the bytes. A server neither masks nor, here, fragments. */
function decodeFrames(bytes: Buffer): ReceivedFrame[] {
  const frames: ReceivedFrame[] = []
  for (let at = 0; at + 2 <= bytes.length;) {
    const [first = 0, second = 0] = [bytes[at], bytes[at + 1]]
    if ((first & 0xf0) !== 0x80 || second > 127) throw new Error('not a final, unmasked frame')
    const head = second < 126 ? 2 : second === 126 ? 4 : 10
    if (at + head > bytes.length) break
    const length =
      head === 2 ? second : head === 4 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2))
    if (at + head + length > bytes.length) break
    frames.push({ opcode: first & 15, payload: bytes.subarray(at + head, at + head + length) })
    at += head + length
  }
  return frames
}
