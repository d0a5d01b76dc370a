import type { Socket } from 'socket.io-client'

/** Private fields of Socket.IO's client, for failures that its public methods would announce to the node. */
interface Internals {
  readonly engine?: Engine
}

interface Engine {
  readonly transport?: { readonly ws?: WebSocket }
  readonly clearTimeoutFn: (timer: unknown) => void
  readonly _pingTimeoutTimer?: unknown
  _pingTimeoutTime: number
}

interface WebSocket {
  readonly _socket?: { pause(): unknown; resume(): unknown }
  terminate?(): void
}

const engineOf = (socket: Pick<Socket, 'io'> | undefined): Engine | undefined =>
  (socket?.io as unknown as Internals | undefined)?.engine

const webSocketOf = (socket: Pick<Socket, 'io'> | undefined): WebSocket | undefined =>
  engineOf(socket)?.transport?.ws

/** Ends the connection without a close frame, as a lost network does. */
export const terminate = (socket: Pick<Socket, 'io'> | undefined): void => webSocketOf(socket)?.terminate?.()

/** Stops reading, and stays connected: the client no longer waits for pings, which it would not read. */
export function stall(socket: Pick<Socket, 'io'> | undefined): void {
  webSocketOf(socket)?._socket?.pause()
  const engine = engineOf(socket)
  if (engine === undefined) return
  engine.clearTimeoutFn(engine._pingTimeoutTimer)
  engine._pingTimeoutTime = Infinity
}

/** Resumes reading. */
export const resumeReading = (socket: Pick<Socket, 'io'> | undefined): void =>
  void webSocketOf(socket)?._socket?.resume()

/** Encodes a WebSocket frame with this text, as a client sends it. With `first` or `more`, it is a part of a longer message. */
export function maskedFrame(text: string, part: 'whole' | 'first' | 'more' = 'whole'): Buffer {
  const bytes = Buffer.from(text)
  const opcode = { whole: 0x81, first: 0x01, more: 0x00 }[part]
  const head = Buffer.from([opcode, 0xff, ...Array.from({ length: 12 }, () => 0)])
  head.writeBigUInt64BE(BigInt(bytes.length), 2)
  return Buffer.concat([head, bytes])
}
