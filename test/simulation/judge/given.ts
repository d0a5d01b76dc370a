import type { Entry } from '../history.ts'
import { dismissalsOf, grouped, includes, keyOf, recallsOf } from './recalls.ts'
import type { Losses } from './losses.ts'
import type { Recall } from './recalls.ts'
import type { Stretch } from './stretches.ts'

/** A recall that a listener has to be given, and when it was. */
export interface Due {
  readonly recall: Recall
  readonly keptAtMs: number
  /** When its listener was first called with it, or what dealt with a gap knew of it. */
  readonly toldAtMs: number | undefined
  /** Until when its listener was busy with others before that. */
  readonly busyUntilMs: number
  /** When that was handled. */
  readonly handledAtMs: number | undefined
  /** When its group was dismissed: who was not told before need not be. */
  readonly untilMs: number
}

interface Giving {
  readonly busyUntilMs: number
  readonly startedAtMs: number
  readonly atMs: number
  readonly key: string
  /** Of the recall; undefined if only the message is known. */
  readonly recalledAtMs: number | undefined
}

/** What a stretch has to be given: what was answered OK, from where it begins, and what no earlier recall made old. */
export function dueOf(stretch: Stretch, losses: Losses, history: readonly Entry[]): readonly Due[] {
  const { room, beginMs } = stretch
  if (beginMs === undefined) return []
  const all = recallsOf(history)
  const byKey = grouped(all, ({ key }) => key)
  const dismissals = dismissalsOf(history)
  // What was recalled before its group was dismissed may be gone before anybody was told; but the feed keeps it in its log.
  const isLogged = 'feed' in room && !stretch.entries.some(({ kind }) => kind === 'gap')
  const untilOf = ({ group, recalledAtMs: ms = 0 }: Recall): number => {
    const { fromMs, maybeMs } = dismissals.get(group) ?? { fromMs: Infinity, maybeMs: -Infinity }
    return isLogged || ms > maybeMs ? Infinity : fromMs
  }
  const { told, handled, gapsAtMs } = givingsOf(stretch)
  return all.flatMap((recall) => {
    const { key, keptAtMs, sentAtMs, recalledAtMs } = recall
    if (
      keptAtMs === undefined ||
      losses.mayBeGone(recall) ||
      losses.mayBeHidden(recall) ||
      sentAtMs < beginMs ||
      !includes(room, recall)
    )
      return []
    const earlier = (byKey.get(key) ?? []).filter(
      (other) => other !== recall && other.sentAtMs < sentAtMs && isCovered(recalledAtMs, other.recalledAtMs),
    )
    // One that had no answer may have been stored, and told, or not.
    const isOld = earlier.some(
      (other) =>
        other.sentAtMs < beginMs ||
        (other.keptAtMs !== undefined && !losses.mayBeGone(other) && !losses.mayBeHidden(other)),
    )
    if (isOld) return []
    const fromMs = Math.min(sentAtMs, ...earlier.map((other) => other.sentAtMs))
    const isIt = (one: Giving): boolean => one.atMs >= fromMs && isCovered(recalledAtMs, one.recalledAtMs)
    const gapAtMs = gapsAtMs.find((atMs) => atMs >= fromMs)
    const telling = told.get(key)?.find(isIt)
    const due = {
      recall,
      keptAtMs,
      toldAtMs: earliest(telling?.startedAtMs, gapAtMs),
      busyUntilMs: telling?.busyUntilMs ?? -Infinity,
      untilMs: untilOf(recall),
      handledAtMs: earliest(handled.get(key)?.find(isIt)?.atMs, gapAtMs),
    }
    return [due]
  })
}

/** Whether a recall says nothing new after another one. Without a time, it repeats those before it. */
const isCovered = (ms: number | undefined, byMs: number | undefined): boolean =>
  ms === undefined || byMs === undefined || byMs >= ms

const earliest = (one: number | undefined, other: number | undefined): number | undefined =>
  one === undefined ? other : other === undefined ? one : Math.min(one, other)

/** What a listener does with its own time. */
const WORK = new Set(['told', 'handled', 'skipped', 'gap', 'gap handled'])

function givingsOf({ entries }: Stretch): {
  told: Map<string, Giving[]>
  handled: Map<string, Giving[]>
  /** Gaps that were dealt with by somebody who did not say what he learnt. */
  gapsAtMs: number[]
} {
  const told: Giving[] = []
  const handled: Giving[] = []
  const gapsAtMs: number[] = []
  let current: Giving[] = []
  let offset: number | undefined
  let gapAtMs = 0
  let busyUntilMs = -Infinity
  let leftAtMs: number | undefined
  for (const entry of entries) {
    const { atMs } = entry
    if (entry.kind === 'told') {
      current = entry.seqs.map((seq) => ({
        busyUntilMs,
        startedAtMs: atMs,
        atMs,
        key: keyOf(entry, seq),
        recalledAtMs: entry.recalledAtMs,
      }))
      offset = entry.offset
      told.push(...current)
    } else if (entry.kind === 'skipped' || (entry.kind === 'handled' && entry.isDone)) {
      if (entry.offset === offset) handled.push(...current.map((one) => ({ ...one, atMs })))
    } else if (entry.kind === 'left') leftAtMs = atMs
    // Whoever subscribes anew inside a call has its notice in hand.
    else if (entry.kind === 'followed' && atMs === leftAtMs) handled.push(...current)
    else if (entry.kind === 'gap') gapAtMs = atMs
    else if (entry.kind === 'gap handled' && entry.isDone) {
      if (entry.recalled === undefined) gapsAtMs.push(gapAtMs)
      const known = (entry.recalled ?? []).flatMap((one) =>
        one.seqs.map((seq) => ({
          busyUntilMs,
          startedAtMs: atMs,
          atMs,
          key: keyOf(one, seq),
          recalledAtMs: undefined,
        })),
      )
      told.push(...known)
      handled.push(...known)
    }
    if (WORK.has(entry.kind)) busyUntilMs = atMs
  }
  const byKey = (givings: Giving[]): Map<string, Giving[]> => grouped(givings, ({ key }) => key)
  return { told: byKey(told), handled: byKey(handled), gapsAtMs }
}
