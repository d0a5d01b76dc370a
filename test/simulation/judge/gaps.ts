import type { Entry } from '../history.ts'
import type { Plan } from '../spec.ts'
import { includes, nameOf } from './recalls.ts'
import type { Violation } from './violation.ts'

/** What loses the log, or what a process knows of it. */
const LOSSES = /emptied|restarted empty|without its latest|power/
const MAX_RECOVERED = 1_000

/** Nobody is sent to reload for nothing: a gap is told if the log was lost, is shorter than what was missed, or its group was dismissed. */
export const judgeGaps = (plan: Plan, history: readonly Entry[]): Violation[] =>
  history.flatMap((entry) => {
    if (entry.kind !== 'gap' || entry.reason === 'load') return []
    const { reason, room, atMs, listener } = entry
    const before = history.filter((one) => one.atMs <= atMs)
    const sent = before.filter((one) => one.kind === 'sent' && includes(room, one)).length
    const isLost =
      before.some((one) => one.kind === 'fault' && LOSSES.test(one.name)) ||
      before.some((one) => one.kind === 'dismissed' && !('feed' in room) && one.group === room.group)
    const isNeeded =
      reason === 'epoch-changed'
        ? isLost
        : reason === 'trimmed'
          ? sent > plan.shape.historySize || isLost
          : reason === 'too-many' && sent > MAX_RECOVERED
    if (isNeeded) return []
    return [{ rule: 'no needless gap', atMs, what: `${listener} is told of a gap in ${nameOf(room)}: ${reason}` }]
  })
