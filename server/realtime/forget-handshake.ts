import type { GatewaySocket } from './gateway-socket.ts'

/** One for all. */
const NOTHING = Object.freeze({})
const NONE = Object.freeze([])

/**
 * Lets go of what a handshake brought: the credential, headers, cookies. Socket.IO keeps its request for as long as the
 * socket lives, and Engine.IO holds on to it in a place that nobody can reach, so it is emptied.
 */
export function forgetHandshake(socket: GatewaySocket): void {
  const { request, handshake } = socket
  Object.assign(handshake, { headers: NOTHING, query: NOTHING, auth: NOTHING, url: '', time: '' })
  Object.assign(request, { headers: NOTHING, rawHeaders: NONE, url: '', _query: NOTHING })
}
