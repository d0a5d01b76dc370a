import { Socket as TcpSocket } from 'node:net'
import { internalsOf } from './internals.ts'
import type { Connection, Receiver, WebSocket } from './internals.ts'

// What arrives on a connection, by the private fields of Engine.IO and ws; see `internals.ts`.

/** The first two bytes of a frame with a text of one byte, whole and masked; its length; the one byte. */
const [TEXT_FRAME, ONE_BYTE, PONG_FRAME_BYTES, PONG] = [0x81, 0x81, 7, 0x33]
/** Of the receiver of ws, between two frames. */
const AWAITS_FRAME = 0

/** What arrives on a connection. */
export interface ReceiveListeners {
  /** A pong of Engine.IO, alone, between other frames. */
  readonly onPong: (connection: Connection) => void
  /** Anything else. */
  readonly onData: (connection: Connection, bytes: number) => void
  /** A ping or pong of WebSocket. */
  readonly onControlFrame: (connection: Connection) => void
}

/** Of a TCP socket. */
const CONNECTION = Symbol('connection')
type ReadTcp = (this: TcpSocket & { [CONNECTION]?: Connection }, chunk: Buffer) => void

/** Returns the connection that was given to a receiver, by the WebSocket below it. */
export const connectionAbove = (webSocket: WebSocket | undefined): Connection | undefined =>
  (webSocket?._socket as { readonly [CONNECTION]?: Connection } | undefined)?.[CONNECTION]

/**
 * Returns a function that tells of all that arrives on a connection. Pongs are kept from ws and Engine.IO, where they cost twice
 * as much, unless the version was not tested. Everything else is read by them first. The listeners are the same functions for all
 * connections, because there are many.
 */
export function createReceiver(
  { onPong, onData, onControlFrame }: ReceiveListeners,
  isTested = true,
): (connection: Connection) => void {
  const readAfterWs: ReadTcp = function (chunk) {
    const connection = this[CONNECTION]
    if (connection) onData(connection, chunk.length)
  }
  /** ws has one function to read all its sockets. */
  let passOn: ReadTcp | undefined
  const read: ReadTcp = function (chunk) {
    const connection = this[CONNECTION]
    if (connection === undefined) return passOn?.call(this, chunk)
    const receiver = internalsOf(connection).transport?.socket?._receiver
    if (isPong(chunk) && receiver?._state === AWAITS_FRAME && !isReceiving(connection))
      return onPong(connection)
    passOn?.call(this, chunk)
    if (receiver) forgetMessage(receiver)
    onData(connection, chunk.length)
  }
  const readControl = function (this: WebSocket): void {
    const connection = connectionAbove(this)
    if (connection) onControlFrame(connection)
  }
  return (connection) => {
    const { socket } = internalsOf(connection).transport ?? {}
    socket?.on?.('ping', readControl)
    socket?.on?.('pong', readControl)
    const tcp = socket?._socket
    if (!(tcp instanceof TcpSocket)) return
    Object.assign(tcp, { [CONNECTION]: connection })
    const [first, ...others] = tcp.listeners('data') as ReadTcp[]
    passOn ??= first
    const isAsTested = isTested && first !== undefined && first === passOn && others.length === 0
    if (!isAsTested || socket?._receiver === undefined) return void tcp.on('data', readAfterWs)
    tcp.off('data', first)
    // Under the name by which ws removes its own.
    tcp.on('data', Object.assign(read, { listener: first }))
  }
}

/** Drops what the receiver of ws keeps of the last message, if it waits for the next one. */
function forgetMessage(receiver: Receiver): void {
  if (receiver._state !== AWAITS_FRAME || receiver._loop !== false || receiver._buffers?.length !== 0) return
  Object.assign(receiver, { _mask: undefined, _buffers: [] })
}

const isPong = (chunk: Buffer): boolean =>
  chunk.length === PONG_FRAME_BYTES &&
  chunk[0] === TEXT_FRAME &&
  chunk[1] === ONE_BYTE &&
  ((chunk[2] ?? 0) ^ (chunk[6] ?? 0)) === PONG

/** Returns whether a part of a message has arrived, and its end has not. */
export function isReceiving(connection: Connection): boolean {
  const { _bufferedBytes = 0, _fragmented = 0 } = internalsOf(connection).transport?.socket?._receiver ?? {}
  return _bufferedBytes > 0 || _fragmented > 0
}
