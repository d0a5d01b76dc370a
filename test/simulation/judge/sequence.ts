import type { Entry, EntryOf } from '../history.ts'
import type { Plan } from '../spec.ts'
import { faultEndMs } from './fault-ends.ts'
import { grouped, keyOf, recallsOf } from './recalls.ts'
import type { Recall } from './recalls.ts'
import type { Losses } from './losses.ts'
import type { Stretch } from './stretches.ts'
import type { Violation } from './violation.ts'

/** A receiver whose disk does not take a recall in time, or that stands still meanwhile, asks Redis: better out of order than not at all. */
const LATE_DISK = /^(disk|gateway frozen)/
/** A flush that began on a slow disk may go on for so long after; whoever waits for it in vain is answered no sooner. */
const FLUSH_MS = 3_000
const VAIN_MS = 1_000

/** What one receiver was given one after the other in a conversation, each answered OK before the next was sent, is told in that order. */
export function judgeSequence(
  plan: Plan,
  stretches: readonly Stretch[],
  losses: Losses,
  history: readonly Entry[],
): Violation[] {
  const { alls, receivers } = plan.shape
  if (alls + receivers > 1) return []
  const lateDisks = history.filter(
    (entry): entry is EntryOf<'fault'> => entry.kind === 'fault' && LATE_DISK.test(entry.name),
  )
  const mayOvertake = ({ sentAtMs, keptAtMs }: Kept): boolean =>
    lateDisks.some((fault) => {
      const flushMs = keptAtMs - sentAtMs >= VAIN_MS ? FLUSH_MS : 0
      return fault.atMs <= keptAtMs && (faultEndMs(fault, history) ?? Infinity) + flushMs >= sentAtMs
    })
  const once = new Map<string, Kept>()
  for (const [key, [recall, ...more]] of grouped(recallsOf(history), (one) => one.key))
    if (recall?.keptAtMs !== undefined && more.length === 0)
      once.set(key, { ...recall, keptAtMs: recall.keptAtMs })
  return stretches.flatMap(({ listener, entries }) => {
    const violations: Violation[] = []
    let latest = new Map<string, Kept>()
    let told = new Set<string>()
    for (const entry of entries) {
      // What Redis lost is published again beside new ones.
      if (entry.atMs >= losses.firstMs) break
      if (entry.kind === 'gap') [latest, told] = [new Map(), new Set()]
      if (entry.kind !== 'told') continue
      for (const seq of entry.seqs) {
        const recall = once.get(keyOf(entry, seq))
        if (recall === undefined || told.has(recall.key)) continue
        told.add(recall.key)
        const conversation = `${recall.group}/${recall.topic ?? ''}`
        const before = latest.get(conversation)
        if (before && recall.keptAtMs < before.sentAtMs && !mayOvertake(before))
          violations.push({
            rule: 'order',
            atMs: entry.atMs,
            what: `${listener} is told message ${recall.key} after ${before.key}, which was sent when it had been answered OK`,
          })
        if (before === undefined || recall.sentAtMs > before.sentAtMs) latest.set(conversation, recall)
      }
    }
    return violations
  })
}

interface Kept extends Recall {
  readonly keptAtMs: number
}
