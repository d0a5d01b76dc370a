import type { Room } from '../../../shared/room.ts'
import type { Entry, EntryOf } from '../history.ts'
import { nameOf } from './recalls.ts'
import type { Rights } from './rights.ts'
import type { Violation } from './violation.ts'

/** A no of the app's backend is kept for so long. */
const NEGATIVE_MS = 35_000

/** Whoever has a right is not refused for good; and a client is closed only by its own page. */
export function judgeRefusals(rights: Rights, history: readonly Entry[]): Violation[] {
  const rooms = new Map<string, EntryOf<'followed'>>()
  return history.flatMap((entry) => {
    const { atMs } = entry
    if (entry.kind === 'followed') rooms.set(entry.listener, entry)
    if (entry.kind === 'left') rooms.delete(entry.listener)
    if (entry.kind === 'refused' && !entry.retry && has(rights, entry.user, [entry], atMs))
      return [violation(atMs, `${entry.user} is refused ${nameOf(entry.room)}: ${entry.code}`)]
    if (entry.kind !== 'state') return []
    const { user, life, listener, code = '', reason = '' } = entry
    if (entry.state === 'refused') {
      // The next credential will be good.
      if (code === 'TOKEN_EXPIRED' && rooms.size > 0)
        return [violation(atMs, `${listener ?? user} is refused for good, since a token has expired`)]
      const own = [...rooms.values()].filter(
        (one) =>
          one.user === user && one.life === life && (listener === undefined || one.listener === listener),
      )
      return has(rights, user, own, atMs)
        ? [violation(atMs, `${listener ?? user} is refused: ${code} ${reason}`)]
        : []
    }
    const isClosing = (one: Entry): boolean =>
      ((one.kind === 'closed' && one.user === user) ||
        (one.kind === 'left' && one.listener === listener && listener !== undefined)) &&
      one.life === life &&
      Math.abs(one.atMs - atMs) < 1
    if (entry.state === 'closed' && !history.some(isClosing))
      return [{ rule: 'closed', atMs, what: `${listener ?? user} is closed, and nobody has closed it` }]
    return []
  })
}

const violation = (atMs: number, what: string): Violation => ({ rule: 'not refused', atMs, what })

const has = (
  rights: Rights,
  user: string,
  rooms: readonly { readonly room: Room }[],
  atMs: number,
): boolean => rooms.some(({ room }) => rights.surelyHasAt(user, room, atMs, NEGATIVE_MS))
