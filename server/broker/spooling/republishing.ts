import { setTimeout as delay } from 'node:timers/promises'
import { fullJitterMs } from '../../../shared/backoff.ts'
import { reasonOf } from '../../../shared/errors.ts'
import { roomName, roomsOf } from '../../../shared/room.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { RecoverableBroker } from '../broker.ts'
import type { Copies } from './copies.ts'
import { isEnd } from './copy-lines.ts'
import type { RecallCopy } from './copy-lines.ts'
import type { Batch } from './copy-batches.ts'
import type { SetAside } from './setting-aside.ts'
import { SlowStart } from './slow-start.ts'

/** Recalls published again together. New recalls wait for no more than these. */
const MAX_CONCURRENT_RECALLS = 64
/** At most so often: 2,000 recalls a second, besides new ones. */
const ROUND_INTERVAL_MS = 32
/** Enough for Redis to sync its append-only file, where that is waited for. */
const PUBLISH_TIMEOUT_MS = 2_500
const MAX_RETRY_DELAY_MS = 2_000
/** Failures of a batch after which a recall in it that the broker refuses is given up, if the broker stores others. */
const MAX_FAILURES = 5

interface RepublishingOptions {
  /** See `SlowStart`. */
  readonly initialWindow: number
}

interface RepublishingDependencies {
  readonly broker: Pick<RecoverableBroker, 'publish' | 'endGroup' | 'newEpoch' | 'lacks'>
  readonly copies: Copies
  /** Counts the recalls that the broker has confirmed. */
  readonly confirmed: () => number
  /** Called with each recall that the broker had lost indeed, and has stored again. */
  readonly onRecovered: () => void
  readonly setAside: SetAside
  readonly log: Logger
}

interface Failures {
  readonly count: number
  /** How many recalls the broker had confirmed at the first of them. */
  readonly confirmedBefore: number
}

/** A copy as it is now, and whether the broker had to store it again. */
interface Stored {
  readonly copy: RecallCopy
  readonly isNew: boolean
}

/**
 * Publishes again what the broker may have lost, oldest first, no faster than nodes can follow, and beside new recalls, which do
 * not wait. Ends of groups come first, so that nothing returns that ended with its group. What the broker still has is left
 * alone. What it lacks proves that the logs which held it went back: they get another epoch first, if they still have one under
 * which it was confirmed, because its offset must not stand for another notice.
 */
export function createRepublishing(
  { initialWindow }: RepublishingOptions,
  { broker, copies, confirmed, onRecovered, setAside, log }: RepublishingDependencies,
) {
  const stopped = new AbortController()
  const slowStart = new SlowStart(initialWindow)
  const failures = new Map<number, Failures>()
  let running: Promise<void> | undefined
  /** Counts the calls of `wake`: what was stored again until then may have been lost again. */
  let losses = 0

  async function run(): Promise<void> {
    let recovered = 0
    let failed = 0
    while (!stopped.signal.aborted && copies.lost().length > 0) {
      try {
        recovered += await round()
        failed = 0
      } catch (error) {
        slowStart.failed()
        log.warn({ reason: reasonOf(error) }, 'cannot publish lost recalls again yet, retrying')
        await pause(fullJitterMs(failed++, { baseMs: 100, maxMs: MAX_RETRY_DELAY_MS }))
      }
    }
    failures.clear()
    if (recovered > 0)
      log.error({ recalls: recovered }, 'Redis had lost recalls that it had confirmed, published again')
  }

  /** Returns how many recalls had to be stored again. Rejects if the broker does not store a batch now. */
  async function round(): Promise<number> {
    const seen = losses
    const lost = copies.lost()
    for (const [group, atMs] of endsIn(lost)) await broker.endGroup(group, atMs)
    let recovered = 0
    // One that is refused holds up no other.
    const failuresOf = ({ key }: Batch): number => failures.get(key)?.count ?? 0
    for (const batch of lost.toSorted((one, other) => failuresOf(one) - failuresOf(other))) {
      recovered += await restore(batch, () => losses === seen && !stopped.signal.aborted)
      if (losses !== seen) break
    }
    return recovered
  }

  function endsIn(batches: readonly Batch[]): ReadonlyMap<string, number> {
    const ends = new Map<string, number>()
    for (const batch of batches) {
      if (!batch.hasEnds) continue
      for (const copy of copies.read(batch))
        if (isEnd(copy)) ends.set(copy.ended, Math.max(copy.atMs, ends.get(copy.ended) ?? -Infinity))
    }
    return ends
  }

  async function restore(batch: Batch, isCurrent: () => boolean): Promise<number> {
    const all = copies.read(batch)
    const recalls = all.filter((copy): copy is RecallCopy => !isEnd(copy))
    const stored: Stored[] = []
    while (stored.length < recalls.length) {
      const some = recalls.slice(stored.length, stored.length + (await allowed()))
      if (!isCurrent()) return 0
      const startedMs = performance.now()
      stored.push(...(await storeAll(batch, some)))
      await pause(startedMs + ROUND_INTERVAL_MS - performance.now())
    }
    if (isCurrent()) copies.restored(batch, [...all.filter(isEnd), ...stored.map(({ copy }) => copy)])
    return stored.filter(({ isNew }) => isNew).length
  }

  /** Resolves to how many recalls may be published now: 1 or more. */
  async function allowed(): Promise<number> {
    for (;;) {
      const nowMs = performance.now()
      const count = Math.min(MAX_CONCURRENT_RECALLS, slowStart.allowed(0, nowMs))
      if (count > 0 || stopped.signal.aborted) return Math.max(1, count)
      await pause(slowStart.waitMs(nowMs))
    }
  }

  async function storeAll(batch: Batch, some: readonly RecallCopy[]): Promise<Stored[]> {
    const outcomes = await Promise.allSettled(some.map(store))
    const stored = outcomes.map((outcome, i) =>
      outcome.status === 'fulfilled' ? outcome.value : { copy: some[i] as RecallCopy, isNew: false },
    )
    const keys = stored.filter(({ isNew }) => isNew).map(() => 0)
    if (outcomes.some(({ status }) => status === 'fulfilled'))
      slowStart.confirmed(keys, Infinity, performance.now())
    const { count = 0, confirmedBefore = confirmed() } = failures.get(batch.key) ?? {}
    const mayGiveUp = count >= MAX_FAILURES && confirmed() > confirmedBefore
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome.status === 'fulfilled') continue
      if (mayGiveUp) await giveUp(some[i] as RecallCopy, outcome.reason)
      else {
        failures.set(batch.key, { count: count + 1, confirmedBefore })
        throw outcome.reason
      }
    }
    return stored
  }

  async function store(copy: RecallCopy): Promise<Stored> {
    const { recall } = copy
    if (!(await broker.lacks(recall))) return { copy, isNew: false }
    const rooms = roomsOf(recall)
    for (const positions of copy.confirmed)
      for (const [i, { epoch, offset }] of positions.entries()) {
        // A recall from before the end of its group has a position in the feed only, which is the last of its rooms.
        const room = rooms[rooms.length - positions.length + i]
        if (room !== undefined) await broker.newEpoch(room, epoch, offset - 1)
      }
    const outcome = await broker.publish(recall, PUBLISH_TIMEOUT_MS, { immediately: true })
    if (outcome.duplicate) return { copy, isNew: false }
    onRecovered()
    const positions = outcome.positions.map(({ position }) => position)
    return { copy: { recall, confirmed: [...copy.confirmed, positions] }, isNew: true }
  }

  async function giveUp({ recall }: RecallCopy, error: unknown): Promise<void> {
    const reason = `Redis has lost this recall, and refuses to store it again while it stores others: ${reasonOf(error)}`
    await setAside({ recall, text: JSON.stringify(recall) }, reason)
    log.error({ room: roomName(recall), reason }, 'recall set aside in the quarantine')
  }

  async function pause(ms: number): Promise<void> {
    if (ms > 0) await delay(ms, undefined, { signal: stopped.signal }).catch(() => undefined)
  }

  return {
    /** Starts over with what is lost. */
    wake(): void {
      losses++
      slowStart.failed()
      running ??= run().finally(() => (running = undefined))
    },

    /** Resolves once nothing more is published. The rest is published after the next start. */
    async stop(): Promise<void> {
      stopped.abort()
      await running
    },
  }
}
