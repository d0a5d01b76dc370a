import { createRequire } from 'node:module'
import { Socket as TcpSocket } from 'node:net'
import type { Server, Socket } from 'socket.io'
import type { ClientToServer, ServerToClient } from '../../../shared/protocol.ts'
import type { Principal } from '../../auth/principal.ts'
import type { PreparedEvent } from '../rooms/prepared-event.ts'

type NoEvents = Record<string, never>

interface SocketData {
  principal: Principal
}

/** The Socket.IO server and its sockets, with the events of the protocol. */
export type GatewaySockets = Server<ClientToServer, ServerToClient, NoEvents, SocketData>
export type GatewaySocket = Socket<ClientToServer, ServerToClient, NoEvents, SocketData>

/**
 * Resolves once all that was sent on the connection has left this process, or the connection is closed: at once unless
 * its peer reads slowly.
 */
export async function flushed(connection: GatewaySocket['conn']): Promise<void> {
  while (connection.readyState === 'open' && !isFlushed(connection)) {
    const { transport } = connection
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        transport.off('ready', settle)
        connection.off('close', settle)
        resolve()
      }
      // After the flush that Socket.IO itself does then.
      transport.on('ready', settle)
      connection.on('close', settle)
    })
  }
}

/** `writeBuffer` is an inner field of Socket.IO. */
function isFlushed(connection: GatewaySocket['conn']): boolean {
  const { writeBuffer = [] } = connection as unknown as { readonly writeBuffer?: readonly unknown[] }
  return connection.transport.writable && writeBuffer.length === 0
}

/** One for all. */
const NOTHING = Object.freeze({})

/**
 * Lets go of what a handshake brought: its request with all headers, and the credential. Socket.IO keeps them for as long as
 * the socket lives, which takes more than the gateway's own part of it.
 */
export function releaseHandshake({ conn, handshake }: GatewaySocket): void {
  Object.assign(handshake, { headers: NOTHING, query: NOTHING, auth: NOTHING, url: '', time: '' })
  const { socket: tcp } = conn.request
  // Engine.IO waits for this connection to close, to tell it to a response that ended with the upgrade, and holds the request.
  for (const listener of tcp.rawListeners('close')) {
    if ('listener' in listener) tcp.off('close', listener.listener as () => void)
  }
  Object.assign(conn, { request: undefined })
}

export type Connection = GatewaySocket['conn']
export type AnyOutgoing = Pick<PreparedEvent<'messages-recalled'>, 'packet' | 'frame'>

/** The versions of Socket.IO whose inner fields, and whose order of writing, this was tried with. */
export const TESTED = /^4\.8\.\d+$/
const WS_OPEN = 1

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

export function writeThroughEngine(connection: Connection, outgoing: AnyOutgoing): void {
  const options = { compress: false, wsPreEncodedFrame: [outgoing.frame] }
  connection.write(outgoing.packet, options as Parameters<Connection['write']>[1])
}

/** The TCP connection below an open WebSocket without compression on which nothing waits. */
export function idleTcpSocket(connection: Connection): TcpSocket | undefined {
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

export const versionOfSocketIo = (): string =>
  (createRequire(import.meta.url)('socket.io/package.json') as { readonly version: string }).version
