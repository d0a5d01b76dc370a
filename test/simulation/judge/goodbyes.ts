import type { Entry } from '../history.ts'
import type { Violation } from './violation.ts'

/** Faults in which nodes end in order, or none of them ends, nor a line to a user. */
const IN_ORDER = /^(gateway stopped|rolling restart|redis|disk|backend|clock of a gateway)/
/** What a fault has done to a connection is seen by then. */
const SEEN_MS = 45_000
/** No fault lasts longer. */
const MAX_FAULT_MS = 20_000

/** A node that ends in order, or ends a connection for a reason, says goodbye first. */
export function judgeGoodbyes(history: readonly Entry[]): Violation[] {
  const overMs = history.find(({ kind }) => kind === 'all faults over')?.atMs ?? Infinity
  const others = history.flatMap((entry) =>
    entry.kind === 'fault' && !IN_ORDER.test(entry.name)
      ? [
          {
            of: entry.user,
            fromMs: entry.atMs,
            untilMs: Math.min(entry.atMs + MAX_FAULT_MS, overMs) + SEEN_MS,
          },
        ]
      : [],
  )
  return history.flatMap((entry) => {
    if (entry.kind !== 'ended' || entry.hasGoodbye) return []
    const { atMs, user, listener = user } = entry
    if (others.some(({ of = user, fromMs, untilMs }) => of === user && fromMs <= atMs && atMs <= untilMs))
      return []
    return [{ rule: 'goodbye', atMs, what: `the connection of ${listener} ended without a word` }]
  })
}
