import type { Entry, EntryOf } from '../history.ts'
import { grouped, keyOf, nameOf, recallsOf } from './recalls.ts'
import type { Rights } from './rights.ts'
import type { Violation } from './violation.ts'

/** A notice is on its way to somebody without the library for so long; the library keeps it for a listener that is busy. */
const WAY_MS = 5_000

/**
 * Nobody is told what was recalled while he had no right to the room, unless he has it again when he is told. A member is
 * never told who recalled.
 */
export function judgeGranted(rights: Rights, history: readonly Entry[]): Violation[] {
  const sent = grouped(recallsOf(history), ({ key }) => key)
  const followed = new Map<string, EntryOf<'followed'>>()
  return history.flatMap((entry) => {
    if (entry.kind === 'followed') followed.set(entry.listener, entry)
    if (entry.kind !== 'told') return []
    const { listener, room, atMs } = entry
    const { user = listener, by = 'library' } = followed.get(listener) ?? {}
    const violations: Violation[] = []
    if (entry.hasOperator && !rights.isAdmin(user))
      violations.push({ rule: 'no operator', atMs, what: `${listener}, a member, is told who recalled` })
    const sentAtMs = Math.min(
      atMs,
      ...entry.seqs.flatMap((seq) => (sent.get(keyOf(entry, seq)) ?? []).map((call) => call.sentAtMs)),
    )
    const fromMs = by === 'library' ? sentAtMs : Math.max(sentAtMs, atMs - WAY_MS - rights.lateMs(user, atMs))
    if (!rights.mayHave(user, room, fromMs, atMs))
      violations.push({
        rule: 'granted',
        atMs,
        what: `${listener} is told notice ${entry.offset} of ${nameOf(room)}, to which ${user} has had no right since ${fromMs}; it was sent at ${sentAtMs}`,
      })
    return violations
  })
}
