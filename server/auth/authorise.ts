import { isFeed } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import type { Principal } from './principal.ts'

/**
 * Until when this principal may be in this room, in ms since 1970; undefined for not at all. A granted group covers its
 * topics, a granted topic only itself; the feed is for admins.
 */
export function authorise(principal: Principal, room: Room): number | undefined {
  if (principal.role === 'admin') return principal.expiresAtMs
  if (isFeed(room)) return undefined
  const granted = principal.grants.some(
    ({ group, topic }) => group === room.group && (topic === undefined || topic === room.topic),
  )
  return granted ? principal.expiresAtMs : undefined
}
