import type { Logger } from '../ops/logger.ts'
import type { GatewaySocket } from './gateway-socket.ts'

/** Far above what a burst leaves waiting for a moment, far below what many slow sockets could fill a node with. */
const WAITING_AT_MOST_BYTES = 1024 * 1024

/**
 * Closes each socket for which too much waits to be sent, in a way that makes clients come back with their positions.
 * Looks at what Socket.IO and the socket below hold; both are inner fields of libraries, and a missing one counts as 0.
 */
export function closeSlowSockets(sockets: Iterable<GatewaySocket>, log: Logger): void {
  for (const { conn, id } of sockets) {
    const waitingBytes = waitingIn(conn)
    if (waitingBytes <= WAITING_AT_MOST_BYTES) continue
    log.warn({ socket: id, waitingBytes }, 'socket too slow, closed')
    conn.close(true)
  }
}

function waitingIn(conn: GatewaySocket['conn']): number {
  const inner = conn as unknown as {
    readonly writeBuffer?: readonly { readonly data?: unknown }[]
    readonly transport?: { readonly socket?: { readonly bufferedAmount?: number } }
  }
  const queued = (inner.writeBuffer ?? []).reduce(
    (sum, { data }) => sum + (typeof data === 'string' ? data.length : 0),
    0,
  )
  return queued + (inner.transport?.socket?.bufferedAmount ?? 0)
}
