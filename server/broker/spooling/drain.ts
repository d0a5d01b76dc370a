import { setTimeout as delay } from 'node:timers/promises'
import { fullJitterMs } from '../../../shared/backoff.ts'
import type { Recall } from '../../../shared/recall.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { UnconfirmedError } from '../errors.ts'
import type { Published } from '../broker.ts'
import { Attempts } from './attempts.ts'
import { removingAnyway } from './removing.ts'
import { createSettingAside, isReadable } from './setting-aside.ts'
import type { SetAside } from './setting-aside.ts'
import { SlowStart } from './slow-start.ts'
import type { Spool } from './spool.ts'
import type { Readable } from './suspended.ts'

const MAX_RETRY_DELAY_MS = 2_000
/** Failures per warning: about once a minute. */
const FAILURES_PER_WARNING = 60
/** Failures of one recall after which the one behind it is tried: perhaps only this one cannot be stored. */
const FAILURES_BEFORE_PASSING = 3
const DISK_RETRY_DELAY_MS = 1_000

interface DrainOptions {
  /** See `SlowStart`. */
  readonly initialWindow: number
  /** Recalls published concurrently, in order. After a failure they are published one at a time. */
  readonly concurrency: number
}

interface DrainDependencies {
  readonly publish: (recall: Recall) => Promise<Published>
  /** See `Broker.reasons`. */
  readonly reasons: () => readonly string[]
  readonly spool: Spool
  readonly setAside: SetAside
  readonly log: Logger
}

/** Publishes the spool, oldest recall first, until it is empty, and decides which recalls go through it. */
export function createDrain(
  { initialWindow, concurrency }: DrainOptions,
  { publish, reasons, spool: spoolOnDisk, setAside, log }: DrainDependencies,
) {
  const spool = removingAnyway(spoolOnDisk, log)
  const stopped = new AbortController()
  const attempts = new Attempts(publish)
  const apart = createSettingAside({ attempts, spool, setAside, log })
  const slowStart = new SlowStart(initialWindow)
  // What an earlier process left: the nodes may have lost the broker too.
  if (!spool.isEmpty()) slowStart.failed()
  let running: Promise<void> | undefined
  /** Ends the pause of `run` while it has nothing but what is tried apart. */
  let nudge: (() => void) | undefined
  /** Whether new recalls queue behind the spool. */
  let isBehind = !spool.isEmpty()
  /** While the last spooled recalls are handed to the broker: whether new ones may follow them. */
  let handover: Promise<boolean> | undefined
  /** Rounds in a row in which the broker stored nothing. */
  let failures = 0
  let published = 0

  function warn(sentence: string): void {
    // The words of the client library for a lost connection tell an operator nothing.
    const [explained] = attempts.lastError instanceof UnconfirmedError ? [] : reasons()
    log.warn({ ...spool.depth(Date.now()), reason: explained ?? attempts.lastReason }, sentence)
  }

  async function run(): Promise<void> {
    published = 0
    failures = 0
    warn('recalls spooled')
    let isDone = false
    while (!isDone && !stopped.signal.aborted) {
      try {
        isDone = await round()
      } catch (err) {
        log.error({ err }, 'cannot read or write the spool')
        await pause(DISK_RETRY_DELAY_MS)
      }
    }
    if (published > 0) log.info({ published }, 'spooled recalls published')
  }

  /** Returns whether the spool is empty. Rejects when the disk fails. */
  async function round(): Promise<boolean> {
    await apart.retry()
    const limit = failures > 0 ? 1 : concurrency
    const found = spool.oldest(limit, apart.holds)
    const batch = await apart.sort(found)
    const [first] = batch
    if (first === undefined) return await isDrained()

    const nowMs = performance.now()
    const allowed = batch.slice(0, Math.max(0, slowStart.allowed(first.key, nowMs)))
    if (allowed.length === 0) {
      await pause(slowStart.waitMs(nowMs))
      return false
    }
    // Everything on disk is in this batch, and the broker is back: recalls that arrive now can follow it directly.
    const isLast = published > 0 && failures === 0 && found.length < limit && allowed.length === batch.length
    failures = (await publishAll(allowed, isLast)) ? 0 : failures + 1
    if (failures > 0) await afterFailure(first)
    return false
  }

  async function isDrained(): Promise<boolean> {
    if (spool.isWriting()) {
      // Not a failure: it will be visible soon.
      await spool.written()
      return false
    }
    // More may have come since this round began, or the disk returns nothing of what it has.
    if (spool.size() > apart.size()) {
      if (spool.oldest(1, apart.holds).length === 0 && spool.size() > apart.size())
        throw new Error('the disk returns nothing of what is in the spool')
      return false
    }
    isBehind = false
    if (apart.size() === 0) return true
    const nudged = new AbortController()
    nudge = () => nudged.abort()
    await pause(apart.waitMs(), nudged.signal)
    return false
  }

  async function afterFailure(first: Readable): Promise<void> {
    if (!(attempts.lastError instanceof UnconfirmedError)) slowStart.failed()
    if (failures % FAILURES_PER_WARNING === 1) warn('recalls still spooled')
    if (failures >= FAILURES_BEFORE_PASSING && (await apart.passes(first))) failures = 0
    else await pause(fullJitterMs(failures, { baseMs: 50, maxMs: MAX_RETRY_DELAY_MS }))
  }

  /** Removes the recalls that are confirmed. Returns whether the first one is. */
  async function publishAll(batch: readonly Readable[], isLast: boolean): Promise<boolean> {
    const entries = [...batch]
    const publishing = batch.map(({ recall }) => attempts.publish(recall))
    if (isLast) {
      handover = handOver(entries, publishing).finally(() => (handover = undefined))
      await handover
    }
    const outcomes = await Promise.all(publishing)
    if (outcomes.includes(false)) isBehind = true
    // Also those behind one that failed: as repeats, they could not show that the broker stores anything.
    const confirmed = entries.filter((_, i) => outcomes[i])
    if (confirmed.length > 0) {
      const keys = confirmed.map(({ key }) => key)
      slowStart.confirmed(keys, spool.newestKey(), performance.now())
      await spool.remove(confirmed)
      published += confirmed.length
    }
    return outcomes[0] === true
  }

  /**
   * Adds the recalls that are still being written to those being published. New recalls wait meanwhile, so there is an end to it
   * under any load. Resolves to whether they may follow: the broker stores recalls in the order in which it gets them.
   */
  async function handOver(entries: Readable[], publishing: Promise<boolean>[]): Promise<boolean> {
    await spool.written()
    const keys = new Set(entries.map(({ key }) => key))
    const rest = spool.oldest(concurrency, (key) => keys.has(key) || apart.holds(key))
    const passing = rest.filter(isReadable).filter(({ recall }) => !apart.isApart(recall))
    if (passing.length < rest.length || rest.length === concurrency) return false
    entries.push(...passing)
    publishing.push(...passing.map(({ recall }) => attempts.publish(recall)))
    isBehind = false
    return true
  }

  async function pause(ms: number, ended?: AbortSignal): Promise<void> {
    const signal = ended ? AbortSignal.any([ended, stopped.signal]) : stopped.signal
    await delay(ms, undefined, { signal }).catch(() => undefined)
  }

  function wake(): void {
    nudge?.()
    if (stopped.signal.aborted) return
    if (spool.isEmpty()) {
      if (running === undefined) isBehind = false
      return
    }
    running ??= run().finally(() => {
      running = undefined
      // A recall may have arrived since `run` last looked.
      wake()
    })
  }

  return {
    /** Starts draining, unless it is running already or the spool is empty. */
    wake,

    /**
     * Returns whether the recall may go to the broker directly: not while recalls before it are still on their way through the
     * spool, and not if the broker refuses those of its conversation.
     */
    mayBypass(recall: Recall): boolean | Promise<boolean> {
      if (apart.isApart(recall)) return false
      return !isBehind || (handover ?? false)
    },

    /** Records that a recall went to the broker directly. */
    noteStored: (outcome: Published): void => attempts.noteStored(outcome),

    /**
     * Spools a recall, which the broker refused with `cause` unless it was not asked. New recalls queue behind it. Settles like
     * `Spool.append`; whatever reaches the disk is published, however late.
     */
    async enqueue(recall: Recall, cause?: unknown): Promise<void> {
      attempts.lastError = cause ?? attempts.lastError
      // The broker may be back before the drain has failed even once, and the nodes later than the broker.
      if (cause !== undefined && !(cause instanceof UnconfirmedError) && !isBehind) slowStart.failed()
      isBehind = true
      try {
        await spool.append(recall)
      } finally {
        wake()
      }
    },

    /** Resolves once nothing more is published. The rest stays in the spool. */
    async stop(): Promise<void> {
      stopped.abort()
      await running
    },
  }
}
