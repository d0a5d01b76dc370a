import type { Socket } from 'node:net'
import type { OpeningAnswer, ServerToClient } from '../../../shared/protocol.ts'
import { headerOf, textFrame } from '../rooms/prepared-event.ts'
import { handedTcpSocket, idleTcpSocket } from './internals.ts'
import type { Connection, GatewaySocket } from './internals.ts'

// How requests reach the gateway and are answered, by the private fields of Socket.IO; see `internals.ts`.

/** Acknowledges a request, once. */
export type Ack = (response: unknown) => void

/** `values` are those of the request, without the callback that asks for an acknowledgement. */
type RequestListener = (name: string, values: readonly unknown[], ack: Ack) => void

/** What a socket is told of by itself, past Socket.IO. */
export interface Shortcuts {
  /** Whether this version of Socket.IO was tested with them. */
  readonly isTested: boolean
  /** So many bytes were written to the TCP socket of a connection, and not all of them have left this process. */
  readonly wrote: (connection: Connection, bytes: number) => void
}

/** A packet of type event, as Socket.IO passes it to the one socket that it is for. */
interface EventPacket {
  /** Undefined, or null, if no acknowledgement is wanted. */
  readonly id?: number | null
  /** The name, and the values. */
  readonly data?: readonly [string, ...unknown[]]
}

/** Private fields of a socket. Each of them may be missing. */
interface SocketInternals {
  onevent?(packet: EventPacket): void
  ack?(id: number): Ack
}

const internalsOf = (socket: GatewaySocket): SocketInternals => socket as unknown as SocketInternals

const IGNORE: Ack = () => undefined

/**
 * Calls `listener` with each request of a client. In a tested version it takes the place of Socket.IO's own dispatch, which would
 * look for a second listener in a tick of its own, and acknowledgements to idle connections are written straight to TCP.
 */
export function onRequest(socket: GatewaySocket, listener: RequestListener, shortcuts: Shortcuts): void {
  const internals = internalsOf(socket)
  if (!shortcuts.isTested || internals.onevent === undefined || internals.ack === undefined)
    return void socket.onAny((name: string, ...values: unknown[]) => {
      const ack = typeof values.at(-1) === 'function' ? (values.pop() as Ack) : IGNORE
      listener(name, values, ack)
    })
  internals.onevent = ({ id, data: [name = '', ...values] = [''] }) =>
    listener(name, values, id === undefined || id === null ? IGNORE : ackOf(socket, id, shortcuts))
}

function ackOf(socket: GatewaySocket, id: number, { wrote }: Shortcuts): Ack {
  return once((response) => {
    const tcp = idleTcpSocket(socket.conn)
    if (tcp === undefined) return internalsOf(socket).ack?.(id)(response)
    const bytes = writeText(tcp, `43${id}${JSON.stringify([response])}`)
    if (tcp.writableLength > 0) wrote(socket.conn, bytes)
  })
}

/** Answers one of the requests that came with the handshake. */
export const answerOf = (
  socket: GatewaySocket,
  index: number,
  shortcuts: Shortcuts,
): ((answer: OpeningAnswer['answer']) => void) =>
  once((answer) => tell(socket, 'subscribed', { index, answer }, shortcuts))

/** Drops a second response, as Socket.IO does: a refusal can follow a success. */
function once<Response>(respond: (response: Response) => void): (response: Response) => void {
  let isSent = false
  return (response) => {
    if (isSent) return
    isSent = true
    respond(response)
  }
}

/**
 * Sends an event to one socket, right behind what was written to it in this turn, such as that it is connected. Through
 * Engine.IO, the event would wait until that has left, and take a system call of its own.
 */
export function tell<Name extends 'hello' | 'subscribed'>(
  socket: GatewaySocket,
  name: Name,
  value: Parameters<ServerToClient[Name]>[0],
  { isTested, wrote }: Shortcuts,
): void {
  const tcp = isTested ? handedTcpSocket(socket.conn) : undefined
  if (tcp === undefined) return void socket.emit<'hello' | 'subscribed'>(name, value as never)
  const bytes = writeText(tcp, `42${JSON.stringify([name, value])}`)
  if (tcp.writableLength > 0) wrote(socket.conn, bytes)
}

/**
 * Writes a text as a frame, and returns its length in bytes. ASCII, as nearly all is, needs no buffer, which takes longer to
 * allocate and to free than all else here.
 */
function writeText(tcp: Socket, text: string): number {
  const bytes = Buffer.byteLength(text)
  const frame = bytes === text.length ? String.fromCharCode(...headerOf(bytes)) + text : textFrame(text)
  tcp.write(frame, 'latin1')
  return frame.length
}
