import { setTimeout as delay } from 'node:timers/promises'
import { fullJitterMs } from '../../../shared/backoff.ts'
import type { Recall } from '../../../shared/recall.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Spool } from './spool.ts'

/** Recalls published concurrently, in order. After a failure they are published one at a time. */
const MAX_CONCURRENT_RECALLS = 200
const MAX_RETRY_DELAY_MS = 2_000
/** Failures per warning: about once a minute. */
const FAILURES_PER_WARNING = 60

interface DrainOptions {
  /** See `SlowStart`. */
  readonly initialWindow: number
}

interface DrainDependencies {
  readonly publish: (recall: Recall) => Promise<unknown>
  readonly spool: Spool
  readonly log: Logger
}

/** Publishes the spool, oldest recall first, until it is empty. */
export function createDrain({ initialWindow }: DrainOptions, { publish, spool, log }: DrainDependencies) {
  const stopped = new AbortController()
  let running: Promise<void> | undefined

  async function run(): Promise<void> {
    const slowStart = new SlowStart(initialWindow)
    let failures = 0
    let published = 0
    log.warn({ ...spool.depth(Date.now()) }, 'recalls spooled')
    while (!spool.isEmpty() && !stopped.signal.aborted) {
      const allowed = Math.min(slowStart.allowed(performance.now()), MAX_CONCURRENT_RECALLS)
      if (allowed < 1) {
        await pause(slowStart.waitMs(performance.now()))
        continue
      }
      const confirmed = await publishOldest(failures > 0 ? 1 : allowed).catch((err: unknown) => {
        log.error({ err }, 'cannot read or write the spool')
        return 0
      })
      published += confirmed
      if (confirmed > 0) slowStart.confirmed(confirmed, performance.now())
      else slowStart.failed()
      failures = confirmed > 0 ? 0 : failures + 1
      if (failures % FAILURES_PER_WARNING === 1)
        log.warn({ ...spool.depth(Date.now()) }, 'recalls still spooled')
      if (failures > 0) await pause(fullJitterMs(failures, { baseMs: 50, maxMs: MAX_RETRY_DELAY_MS }))
    }
    if (published > 0) log.info({ published }, 'spooled recalls published')
  }

  /** Returns how many recalls were confirmed and removed. */
  async function publishOldest(limit: number): Promise<number> {
    const oldest = spool.oldest(limit)
    const outcomes = await Promise.allSettled(oldest.map(({ recall }) => publish(recall)))
    const failed = outcomes.findIndex(({ status }) => status === 'rejected')
    // Recalls confirmed behind a failed one stay too: published again after it, they change nothing.
    const confirmed = failed === -1 ? oldest : oldest.slice(0, failed)
    if (confirmed.length > 0) await spool.remove(confirmed)
    return confirmed.length
  }

  async function pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: stopped.signal }).catch(() => undefined)
  }

  function wake(): void {
    if (spool.isEmpty() || stopped.signal.aborted) return
    running ??= run().finally(() => {
      running = undefined
      // A recall may have arrived since `run` last looked.
      wake()
    })
  }

  return {
    /** Starts draining, unless it is running already or the spool is empty. */
    wake,

    /** Resolves once nothing more is published. The rest stays in the spool. */
    async stop(): Promise<void> {
      stopped.abort()
      await running
    },
  }
}

/** Nodes may reconnect later than this process: their retry delays are longer, or they first have to notice the outage. */
const NODE_RECOVERY_MS = 5_000

/**
 * Limits how fast the spool is published after an outage. A log is bounded: notices that are published before the nodes have
 * reconnected, and then evicted by later ones, reach their sockets only as a gap. Until then at most `initialWindow` recalls
 * are published. Times are those of `performance.now()`.
 */
export class SlowStart {
  readonly #initialWindow: number
  #sinceMs: number | undefined
  #published = 0

  constructor(initialWindow: number) {
    this.#initialWindow = initialWindow
  }

  /** Records that recalls were confirmed. */
  confirmed(recalls: number, nowMs: number): void {
    this.#sinceMs ??= nowMs
    this.#published += recalls
  }

  /** Records that the broker is unavailable, and starts over: the nodes may have lost it too. */
  failed(): void {
    this.#sinceMs = undefined
    this.#published = 0
  }

  /** Returns how many recalls may be published now. */
  allowed(nowMs: number): number {
    return this.waitMs(nowMs) === 0 ? Infinity : this.#initialWindow - this.#published
  }

  /** Returns how long until the number is unlimited, in ms. */
  waitMs(nowMs: number): number {
    return Math.max(0, (this.#sinceMs ?? nowMs) + NODE_RECOVERY_MS - nowMs)
  }
}
