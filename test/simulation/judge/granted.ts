import type { Entry } from '../history.ts'
import { grouped, keyOf, nameOf, recallsOf } from './recalls.ts'
import type { Rights } from './rights.ts'
import type { Violation } from './violation.ts'

/**
 * Nobody is told what was recalled while he had no right to the room, unless he has it again when he is told. A member is
 * never told who recalled.
 */
export function judgeGranted(rights: Rights, history: readonly Entry[]): Violation[] {
  const sent = grouped(recallsOf(history), ({ key }) => key)
  const userOf = new Map<string, string>()
  return history.flatMap((entry) => {
    if (entry.kind === 'followed') userOf.set(entry.listener, entry.user)
    if (entry.kind !== 'told') return []
    const { listener, room, atMs } = entry
    const user = userOf.get(listener) ?? listener
    const violations: Violation[] = []
    if (entry.hasOperator && !rights.isAdmin(user))
      violations.push({ rule: 'no operator', atMs, what: `${listener}, a member, is told who recalled` })
    const fromMs = Math.min(
      atMs,
      ...entry.seqs.flatMap((seq) => (sent.get(keyOf(entry, seq)) ?? []).map(({ sentAtMs }) => sentAtMs)),
    )
    if (!rights.mayHave(user, room, fromMs, atMs))
      violations.push({
        rule: 'granted',
        atMs,
        what: `${listener} is told notice ${entry.offset} of ${nameOf(room)}, to which ${user} has had no right since it was sent at ${fromMs}`,
      })
    return violations
  })
}
