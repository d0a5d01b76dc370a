import type { Notice } from '../../../shared/notice.ts'
import type { GapReason, Position } from '../../../shared/position.ts'
import type { Goodbye, Unsubscribed } from '../../../shared/protocol.ts'
import type { Room } from '../../../shared/room.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { Hub, Listener } from '../rooms/hub.ts'
import type {
  Role,
  PreparedGap,
  PreparedNotices,
  ReplayCache,
  PreparedEvent,
} from '../rooms/prepared-event.ts'
import { flushed } from './internals.ts'
import type { GatewaySocket } from './internals.ts'
import type { Transport } from '../sessions/transport.ts'
import { createRequire } from 'node:module'
import { Socket as TcpSocket } from 'node:net'
import type { Logger } from '../../telemetry/logger.ts'

export interface SocketTransportDependencies {
  readonly audience: Hub
  readonly write: Write
  readonly replays: ReplayCache
  readonly metrics: Metrics
}

/** What a session does to a socket of Socket.IO, and what rooms do to it. */
export class SocketTransport implements Transport, Listener {
  readonly #socket: GatewaySocket
  readonly #role: Role
  readonly #deps: SocketTransportDependencies

  constructor(socket: GatewaySocket, dependencies: SocketTransportDependencies) {
    this.#socket = socket
    this.#role = socket.data.principal.role
    this.#deps = dependencies
  }

  isOpen(): boolean {
    return this.#socket.connected
  }

  flushed(): Promise<void> {
    return flushed(this.#socket.conn)
  }

  join(room: Room): void {
    this.#deps.audience.join(this.#role, room, this)
  }

  leave(room: Room): void {
    this.#deps.audience.leave(this.#role, room, this)
  }

  replay(room: Room, epoch: string, notices: readonly Notice[]): void {
    if (notices.length === 0) return
    this.#deps.metrics.noticesDelivered(notices.length, 1)
    this.onNotices(this.#deps.replays.outgoing(this.#role, room, epoch, notices))
  }

  onNotices(outgoing: PreparedNotices): void {
    this.#deps.write(this.#socket.conn, outgoing)
  }

  onGap(outgoing: PreparedGap): void {
    this.#deps.write(this.#socket.conn, outgoing)
  }

  tellGap(room: Room, reason: GapReason, position: Position): void {
    this.#socket.emit('gap', { room, reason, position })
  }

  tellUnsubscribed(unsubscribed: Unsubscribed): void {
    this.#socket.emit('unsubscribed', unsubscribed)
  }

  close(goodbye: Goodbye): void {
    this.#socket.emit('goodbye', goodbye)
    this.#socket.conn.close()
  }
}

type Connection = GatewaySocket['conn']
type AnyOutgoing = Pick<PreparedEvent<'messages-recalled'>, 'packet' | 'frame'>

/** The versions of Socket.IO whose inner fields, and whose order of writing, this was tried with. */
const TESTED = /^4\.8\.\d+$/
const WS_OPEN = 1

/** Writes what goes to many sockets to one of them. */
export type Write = (connection: Connection, outgoing: AnyOutgoing) => void

/** Inner fields of Engine.IO and ws, any of which may be missing. */
interface Inner {
  readonly writeBuffer?: readonly unknown[]
  readonly transport?: {
    readonly name?: string
    readonly writable?: boolean
    readonly perMessageDeflate?: unknown
    readonly socket?: { readonly readyState?: number; readonly _socket?: unknown }
  }
}

/**
 * The way of a frame that many sockets share. Through Engine.IO and ws a write costs as much again as the system call, so
 * the frame goes straight to the TCP connection of a socket that is level: everything sent before has left, and nothing
 * waits that it would overtake. Any other socket gets it on the ordinary way, behind what waits.
 */
export function createWriter(log: Logger, version: string = versionOfSocketIo()): Write {
  if (!TESTED.test(version)) {
    log.warn({ version }, 'unknown version of Socket.IO, sockets are written to in the ordinary, slower way')
    return writeThroughEngine
  }
  return (connection, outgoing) => {
    const tcp = idleTcpSocket(connection)
    if (tcp === undefined) writeThroughEngine(connection, outgoing)
    else tcp.write(outgoing.frame)
  }
}

function writeThroughEngine(connection: Connection, outgoing: AnyOutgoing): void {
  const options = { compress: false, wsPreEncodedFrame: [outgoing.frame] }
  connection.write(outgoing.packet, options as Parameters<Connection['write']>[1])
}

/** The TCP connection below an open WebSocket without compression on which nothing waits. */
function idleTcpSocket(connection: Connection): TcpSocket | undefined {
  if (connection.readyState !== 'open') return undefined
  const { writeBuffer, transport } = connection as unknown as Inner
  if (transport?.writable !== true || transport.name !== 'websocket' || transport.perMessageDeflate)
    return undefined
  if (writeBuffer?.length !== 0) return undefined
  const { socket } = transport
  if (socket?.readyState !== WS_OPEN) return undefined
  const tcp = socket._socket
  return tcp instanceof TcpSocket && tcp.writableLength === 0 ? tcp : undefined
}

const versionOfSocketIo = (): string =>
  (createRequire(import.meta.url)('socket.io/package.json') as { readonly version: string }).version
