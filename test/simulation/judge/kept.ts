import type { Entry } from '../history.ts'
import { dismissalsOf, grouped, keyOf, recallsOf } from './recalls.ts'
import type { Recall } from './recalls.ts'
import type { Losses } from './losses.ts'
import type { Violation } from './violation.ts'

/**
 * A recall that was answered OK is kept: at the end `recalled` names it, with the latest time that was kept, unless the group was
 * dismissed later. What a dismissal ended is not named.
 */
export function judgeKept(losses: Losses, history: readonly Entry[]): Violation[] {
  const found = history.findLast((entry) => entry.kind === 'found')
  if (found?.kind !== 'found') return [{ rule: 'answers', atMs: 0, what: 'nobody could ask at the end' }]
  const timeOf = new Map(
    found.recalled.flatMap((one) => one.messages.map(({ seq, atMs }) => [keyOf(one, seq), atMs])),
  )
  const dismissals = dismissalsOf(
    history.filter((entry) => entry.kind !== 'dismissal answered' || !losses.mayEndBeGone(entry.atMs)),
  )
  // No process believes in an end that is in its future.
  const isBehind = history.some((entry) => entry.kind === 'clock' && entry.offsetMs < 0)
  const due = recallsOf(history).map((recall) =>
    losses.mayBeGone(recall) ? { ...recall, keptAtMs: undefined } : recall,
  )
  return [...grouped(due, ({ key }) => key)].flatMap(([key, recalls]) => {
    const [{ group, sentAtMs }] = recalls as [Recall]
    const { maybeMs = -Infinity, surelyMs = -Infinity } = dismissals.get(group) ?? {}
    const timed = recalls.flatMap(({ keptAtMs, recalledAtMs }) =>
      keptAtMs !== undefined && recalledAtMs !== undefined ? [recalledAtMs] : [],
    )
    const latestMs = Math.max(...timed.filter((ms) => ms > maybeMs))
    const toldMs = timeOf.get(key)
    const isUntimed = recalls.some(({ recalledAtMs }) => recalledAtMs === undefined)
    if (toldMs === undefined) {
      const isDue = latestMs > -Infinity || (maybeMs === -Infinity && recalls.some(isKept))
      return isDue
        ? [{ rule: 'kept', atMs: sentAtMs, what: `message ${key} was answered OK, and is not recalled` }]
        : []
    }
    if (!isBehind && recalls.every(({ recalledAtMs = Infinity }) => recalledAtMs <= surelyMs))
      return [{ rule: 'dismissed', atMs: sentAtMs, what: `message ${key} is still recalled` }]
    if (toldMs < latestMs || !(isUntimed || recalls.some(({ recalledAtMs }) => recalledAtMs === toldMs)))
      return [{ rule: 'latest time', atMs: sentAtMs, what: `message ${key}: ${toldMs}, and not ${latestMs}` }]
    return []
  })
}

const isKept = ({ keptAtMs }: Recall): boolean => keptAtMs !== undefined
