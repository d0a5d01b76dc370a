import type { Entry } from '../history.ts'
import type { Plan } from '../spec.ts'
import { includes, nameOf } from './recalls.ts'
import type { Losses } from './losses.ts'
import type { Violation } from './violation.ts'

const MAX_RECOVERED = 1_000
/** So long after the last fault, everything that was lost has been found: logs in which nothing was are looked at every 30 s. */
const CALM_MS = 35_000
/** A client may say that it is not live any more before it tells of the gap. */
const SAID_MS = 500

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
  const overMs = history.find(({ kind }) => kind === 'all faults over')?.atMs ?? Infinity
  /** Until when each listener was live last. */
  const liveUntilMs = new Map<string, number>()
  return history.flatMap((entry) => {
    if (entry.kind === 'state' && entry.listener !== undefined) {
      if (entry.state === 'live') liveUntilMs.set(entry.listener, Infinity)
      else if (liveUntilMs.get(entry.listener) === Infinity) liveUntilMs.set(entry.listener, entry.atMs)
    }
    if (entry.kind !== 'gap' || entry.reason === 'load') return []
    const { reason, room, atMs, listener, missed } = entry
    // The store of the page may fail to say where it was.
    if (reason === 'position-unreadable' && unreadable.has(listener)) return []
    const before = history.filter((one) => one.atMs <= atMs)
    // The log has at least its size of the latest.
    const sent = missed ?? before.filter((one) => one.kind === 'sent' && includes(room, one)).length
    const isLost =
      losses.mayHaveLostBy(atMs) ||
      before.some((one) => one.kind === 'dismissed' && !('feed' in room) && one.group === room.group)
    const isCalm = atMs > overMs + CALM_MS && (liveUntilMs.get(listener) ?? -Infinity) >= atMs - SAID_MS
    const isNeeded =
      !isCalm &&
      (reason === 'epoch-changed'
        ? isLost
        : reason === 'trimmed'
          ? sent > plan.shape.historySize || isLost
          : reason === 'too-many' && sent > MAX_RECOVERED)
    if (isNeeded) return []
    return [
      { rule: 'no needless gap', atMs, what: `${listener} is told of a gap in ${nameOf(room)}: ${reason}` },
    ]
  })
}
