import type { Entry } from '../history.ts'
import type { Violation } from './violation.ts'

/** Faults in which nodes end in order. */
const IN_ORDER = /^(gateway stopped|rolling restart)/
/** What a fault has done to a connection is seen by then. */
const SEEN_MS = 45_000

/** A node that ends in order, or ends a connection for a reason, says goodbye first. */
export function judgeGoodbyes(history: readonly Entry[]): Violation[] {
  const overMs = history.find(({ kind }) => kind === 'all faults over')?.atMs ?? Infinity
  const othersMs = history.flatMap((entry) =>
    entry.kind === 'fault' && !IN_ORDER.test(entry.name) ? [entry.atMs] : [],
  )
  return history.flatMap((entry) => {
    if (entry.kind !== 'ended' || entry.hasGoodbye) return []
    const { atMs, user, listener = user } = entry
    // A fault lasts to the end of all of them at most.
    if (othersMs.some((ms) => ms <= atMs && atMs <= overMs + SEEN_MS)) return []
    return [{ rule: 'goodbye', atMs, what: `the connection of ${listener} ended without a word` }]
  })
}
