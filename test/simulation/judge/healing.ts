import type { Entry, EntryOf } from '../history.ts'
import type { Plan } from '../spec.ts'
import { faultEndMs } from './fault-ends.ts'

/** After the last fault, every recall that was answered OK is told in so long, beside what a listener takes for others. */
const TOLD_MS = 8_000
/** After the last fault, every listener is live in so long. */
const LIVE_MS = 12_000
/** A line that died is noticed after 10 s, and an attempt to connect that nobody answers is given up after 20 s. */
const AFTER_SILENCE_MS = 25_000
/** A client that often failed to connect, or to get a token, tries again after up to 30 s. */
const AFTER_BACKOFF_MS = 35_000
/** No fault lasts longer. */
const MAX_FAULT_MS = 20_000
/** So many ends of processes make clients wait that long, or one of that length. */
const MANY = 3
const LONG_MS = 8_000
/** A client that was away for a moment in between waits no less for its next attempt. */
const BETWEEN_MS = 5_000

/** Those of a user; what other lines connect is asked every few seconds. */
const DEAD_LINE = /line|user frozen|half open|nothing reaches/
/** So is every line of a process that ends without a word, or stands still. */
const SILENT = /gateway frozen|power/
const LOOP = /in a loop|again and again/
/** It lasts until all faults are over: whoever is refused all that time asks ever less often. */
const LASTING = /clock of a gateway/
const END = /killed|crash|stopped|without power|rolling restart|refused|broken/

/** The bounds of one user. */
export function healingOf(
  plan: Plan,
  user: string,
  history: readonly Entry[],
): { readonly toldMs: number; readonly liveMs: number } {
  const overMs = history.find(({ kind }) => kind === 'all faults over')?.atMs ?? Infinity
  // Of what ended longer before, nothing is left.
  const faults = history.filter(
    (entry): entry is EntryOf<'fault'> =>
      entry.kind === 'fault' &&
      (entry.user ?? user) === user &&
      entry.atMs + MAX_FAULT_MS + AFTER_BACKOFF_MS >= overMs,
  )
  const ends = faults.filter(({ name }) => END.test(name))
  const isRestless =
    history.some((entry) => entry.kind === 'fault' && LASTING.test(entry.name)) ||
    faults.some(({ name }) => LOOP.test(name)) ||
    ends.length >= MANY ||
    isLong(ends.map((fault) => ({ fromMs: fault.atMs, untilMs: faultEndMs(fault, history) ?? overMs })))
  if (isRestless || !hasGoodTokens(plan, user)) return { toldMs: AFTER_BACKOFF_MS, liveMs: AFTER_BACKOFF_MS }
  if (faults.some((fault) => SILENT.test(fault.name) || (fault.user === user && DEAD_LINE.test(fault.name))))
    return { toldMs: AFTER_SILENCE_MS, liveMs: AFTER_SILENCE_MS }
  return { toldMs: TOLD_MS, liveMs: LIVE_MS }
}

/** Whether one of them is long, with those that it follows at once. */
function isLong(spans: readonly { readonly fromMs: number; readonly untilMs: number }[]): boolean {
  let [fromMs, untilMs] = [-Infinity, -Infinity]
  return spans.some((span) => {
    if (span.fromMs > untilMs + BETWEEN_MS) fromMs = span.fromMs
    untilMs = Math.max(untilMs, span.untilMs)
    return untilMs - fromMs >= LONG_MS
  })
}

function hasGoodTokens({ users }: Plan, user: string): boolean {
  const tokens = users.find(({ name }) => name === user)?.tokens
  if (tokens === undefined) return true
  const { lifeMs, delayMs, failsEvery, endedEvery, rubbishEvery } = tokens
  return lifeMs >= 5_000 && delayMs < 1_000 && failsEvery + endedEvery + rubbishEvery === 0
}
