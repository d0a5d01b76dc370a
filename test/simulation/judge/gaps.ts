import type { Entry } from '../history.ts'
import type { Plan } from '../spec.ts'
import { includes, nameOf } from './recalls.ts'
import type { Losses } from './losses.ts'
import type { Violation } from './violation.ts'

const MAX_RECOVERED = 1_000

/** Nobody is sent to reload for nothing: a gap is told if the log was lost, is shorter than what was missed, or its group was dismissed. */
export function judgeGaps(plan: Plan, losses: Losses, history: readonly Entry[]): Violation[] {
  const failing = new Set(
    plan.users.flatMap(({ name, store }) => (store === 'failing' || store === 'torn' ? [name] : [])),
  )
  const unreadable = new Set(
    history.flatMap((entry) =>
      entry.kind === 'followed' && failing.has(entry.user) ? [entry.listener] : [],
    ),
  )
  return history.flatMap((entry) => {
    if (entry.kind !== 'gap' || entry.reason === 'load') return []
    const { reason, room, atMs, listener } = entry
    // The store of the page may fail to say where it was.
    if (reason === 'position-unreadable' && unreadable.has(listener)) return []
    const before = history.filter((one) => one.atMs <= atMs)
    const sent = before.filter((one) => one.kind === 'sent' && includes(room, one)).length
    const isLost =
      losses.mayHaveLostBy(atMs) ||
      before.some((one) => one.kind === 'dismissed' && !('feed' in room) && one.group === room.group)
    const isNeeded =
      reason === 'epoch-changed'
        ? isLost
        : reason === 'trimmed'
          ? sent > plan.shape.historySize || isLost
          : reason === 'too-many' && sent > MAX_RECOVERED
    if (isNeeded) return []
    return [
      { rule: 'no needless gap', atMs, what: `${listener} is told of a gap in ${nameOf(room)}: ${reason}` },
    ]
  })
}
