import type { Server, Socket } from 'socket.io'
import type { ClientToServer, ServerToClient } from '../../../shared/protocol.ts'
import type { Principal } from '../../auth/principal.ts'

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
