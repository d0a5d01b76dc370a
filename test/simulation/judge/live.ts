import type { Entry, EntryOf } from '../history.ts'
import { faultEndMs } from './fault-ends.ts'
import { dueOf } from './given.ts'
import { inSeconds } from './violation.ts'
import type { Losses } from './losses.ts'
import type { Stretch } from './stretches.ts'
import type { Violation } from './violation.ts'

/** A node knows after 3 s that it cannot prove delivery; the client's own listener may be busy for another second. */
const DOUBT_MS = 4_500
/** A line that is dead is noticed when nothing has arrived for 10 s. */
const SILENCE_MS = 11_000

/** Faults after which a line may be dead, and neither side knows. */
const DEAD_LINE = /line|(gateway|user) frozen|power|half open|nothing reaches/

/**
 * Nobody says `live` while a recall that was answered OK some time ago has not been told: neither client nor subscription. Who
 * becomes live says that nothing is missing, so there is no time of grace for what was there long before.
 */
export function judgeLive(
  stretches: readonly Stretch[],
  losses: Losses,
  history: readonly Entry[],
): Violation[] {
  const faults = faultsOf(history)
  const statesOf = clientStates(history)
  return stretches.flatMap((stretch) => {
    const dues = dueOf(stretch, losses, history)
    // A page that is gone says nothing any more, and a listener that left follows nothing.
    const following = followingOf(stretch)
    const own = overlap(intervalsOf(stretch.entries.filter(isState)), following)
    // A client is live beside a room that was refused.
    const ofClient = overlap(overlap(statesOf(stretch.user), following), wantedOf(stretch))
    return dues.flatMap(({ recall, keptAtMs, toldAtMs = Infinity, untilMs: dueUntilMs }) => {
      for (const [who, intervals] of [
        [stretch.listener, own],
        [stretch.user, ofClient],
      ] as const)
        for (const { fromMs, untilMs } of intervals) {
          const endMs = Math.min(untilMs, toldAtMs, dueUntilMs)
          if (endMs <= Math.max(keptAtMs + DOUBT_MS, fromMs)) continue
          // What Redis has lost is missing anew; but before that, it was missing already.
          let missingMs = keptAtMs
          for (const lossMs of [...losses.between(keptAtMs, endMs), endMs]) {
            if (lossMs > Math.max(doubtAtMs(faults, stretch.user, missingMs), fromMs))
              return [violation(who, recall.key, keptAtMs, Math.max(keptAtMs, fromMs), endMs)]
            missingMs = lossMs
          }
        }
      return []
    })
  })
}

function violation(who: string, key: string, keptAtMs: number, sinceMs: number, endMs: number): Violation {
  const forMs = endMs === Infinity ? 'for ever' : `for ${inSeconds(endMs - sinceMs)}`
  return {
    rule: 'true state',
    atMs: sinceMs,
    what: `${who} is live ${forMs} without message ${key}, answered OK at ${keptAtMs}`,
  }
}

const ENDS: ReadonlySet<string> = new Set(['killed', 'closed', 'left'])

interface Interval {
  readonly fromMs: number
  readonly untilMs: number
}

type State = EntryOf<'state' | 'killed' | 'closed' | 'left' | 'followed'>

const isState = (entry: { readonly kind: string }): entry is State =>
  ['state', 'killed', 'closed', 'left', 'followed'].includes(entry.kind)

/** When it was live. */
function intervalsOf(entries: readonly State[]): Interval[] {
  const intervals: Interval[] = []
  let sinceMs: number | undefined
  for (const entry of entries) {
    if (entry.kind === 'state' && entry.state === 'live') {
      sinceMs ??= entry.atMs
      continue
    }
    if (sinceMs !== undefined) intervals.push({ fromMs: sinceMs, untilMs: entry.atMs })
    sinceMs = undefined
  }
  if (sinceMs !== undefined) intervals.push({ fromMs: sinceMs, untilMs: Infinity })
  return intervals
}

function clientStates(history: readonly Entry[]): (user: string) => Interval[] {
  const byUser = new Map<string, Interval[]>()
  return (user) => {
    const known = byUser.get(user)
    if (known) return known
    const found = intervalsOf(
      history.filter(
        (entry): entry is State =>
          ((entry.kind === 'state' && entry.listener === undefined) ||
            entry.kind === 'killed' ||
            entry.kind === 'closed') &&
          entry.user === user,
      ),
    )
    byUser.set(user, found)
    return found
  }
}

/** When the listener followed its room. */
function followingOf({ entries }: Stretch): Interval[] {
  const intervals: Interval[] = []
  let sinceMs: number | undefined
  for (const { kind, atMs } of entries) {
    if (kind === 'followed') sinceMs ??= atMs
    if (sinceMs === undefined || !ENDS.has(kind)) continue
    intervals.push({ fromMs: sinceMs, untilMs: atMs })
    sinceMs = undefined
  }
  if (sinceMs !== undefined) intervals.push({ fromMs: sinceMs, untilMs: Infinity })
  return intervals
}

/** What both contain. */
const overlap = (some: readonly Interval[], others: readonly Interval[]): Interval[] =>
  some.flatMap((one) =>
    others.flatMap((other) => {
      const fromMs = Math.max(one.fromMs, other.fromMs)
      const untilMs = Math.min(one.untilMs, other.untilMs)
      return fromMs < untilMs ? [{ fromMs, untilMs }] : []
    }),
  )

/** When it was not refused, which is judged elsewhere. */
function wantedOf({ entries }: Stretch): Interval[] {
  const intervals: Interval[] = []
  let sinceMs: number | undefined = -Infinity
  for (const entry of entries) {
    const isRefused = entry.kind === 'state' && entry.state === 'refused'
    if (isRefused && sinceMs !== undefined) intervals.push({ fromMs: sinceMs, untilMs: entry.atMs })
    if (isRefused) sinceMs = undefined
    else if (entry.kind === 'state' || entry.kind === 'followed') sinceMs ??= entry.atMs
  }
  if (sinceMs !== undefined) intervals.push({ fromMs: sinceMs, untilMs: Infinity })
  return intervals
}

interface FaultTime extends Interval {
  readonly name: string
  readonly user: string | undefined
}

function faultsOf(history: readonly Entry[]): FaultTime[] {
  return history.flatMap((entry) => {
    if (entry.kind !== 'fault' || !DEAD_LINE.test(entry.name)) return []
    return [
      {
        name: entry.name,
        user: entry.user,
        fromMs: entry.atMs,
        // What has no end was done in a moment.
        untilMs: faultEndMs(entry, history) ?? entry.atMs,
      },
    ]
  })
}

/**
 * Until when `live` may be wrong of what has been missing since `fromMs`: longer if a line dies before there has to be a doubt, and for
 * as long as the user itself stands still.
 */
function doubtAtMs(faults: readonly FaultTime[], user: string, fromMs: number): number {
  let atMs = fromMs + DOUBT_MS
  for (const fault of faults) {
    const startsMs = Math.max(fault.fromMs, fromMs)
    // A line that died in the fault is noticed later.
    const isDuring = startsMs <= atMs && fault.untilMs + SILENCE_MS >= fromMs
    if (!isDuring || (fault.user ?? user) !== user) continue
    const frozenMs = fault.name === 'user frozen' ? Math.max(0, fault.untilMs - startsMs) : 0
    atMs = Math.max(atMs, startsMs + SILENCE_MS + frozenMs)
  }
  return atMs
}
