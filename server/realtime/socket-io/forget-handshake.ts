import type { GatewaySocket } from './gateway-socket.ts'

/** One for all. */
const NOTHING = Object.freeze({})

/**
 * Lets go of what a handshake brought: its request with all headers, and the credential. Socket.IO keeps them for as long as
 * the socket lives, which takes more than the gateway's own part of it.
 */
export function forgetHandshake({ conn, handshake }: GatewaySocket): void {
  Object.assign(handshake, { headers: NOTHING, query: NOTHING, auth: NOTHING, url: '', time: '' })
  const { socket: tcp } = conn.request
  // Engine.IO waits for this connection to close, to tell it to a response that ended with the upgrade, and holds the request.
  for (const listener of tcp.rawListeners('close')) {
    if ('listener' in listener) tcp.off('close', listener.listener as () => void)
  }
  Object.assign(conn, { request: undefined })
}
