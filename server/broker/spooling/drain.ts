import { setTimeout as delay } from 'node:timers/promises'
import { fullJitterMs } from '../../../shared/backoff.ts'
import type { Recall } from '../../../shared/recall.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Spool } from './spool.ts'

/** Recalls published at once, in order; a broker that fails is tried with one. */
const MAX_CONCURRENT_RECALLS = 200
const MAX_RETRY_DELAY_MS = 2_000
/** About once a minute. */
const COMPLAIN_EVERY = 60

interface DrainOptions {
  /** Most recalls that are published before nodes have had the time to hear again. */
  readonly atFirst: number
}

interface DrainDependencies {
  readonly publish: (recall: Recall) => Promise<unknown>
  readonly spool: Spool
  readonly log: Logger
}

/** Publishes what waits in the spool, oldest first, for as long as anything does. */
export function createDrain({ atFirst }: DrainOptions, { publish, spool, log }: DrainDependencies) {
  const stopped = new AbortController()
  let running: Promise<void> | undefined

  async function run(): Promise<void> {
    const pace = new SlowStart(atFirst)
    let failures = 0
    let published = 0
    log.warn({ ...spool.depth(Date.now()) }, 'recalls wait in the spool')
    while (!spool.isEmpty() && !stopped.signal.aborted) {
      const allowed = Math.min(pace.allowed(performance.now()), MAX_CONCURRENT_RECALLS)
      if (allowed < 1) {
        await pause(pace.waitMs(performance.now()))
        continue
      }
      const confirmed = await publishOldest(failures > 0 ? 1 : allowed).catch((err: unknown) => {
        log.error({ err }, 'spool could not be read or written')
        return 0
      })
      published += confirmed
      if (confirmed > 0) pace.confirmed(confirmed, performance.now())
      else pace.failed()
      failures = confirmed > 0 ? 0 : failures + 1
      if (failures % COMPLAIN_EVERY === 1)
        log.warn({ ...spool.depth(Date.now()) }, 'recalls still wait in the spool')
      if (failures > 0) await pause(fullJitterMs(failures, { baseMs: 50, maxMs: MAX_RETRY_DELAY_MS }))
    }
    if (published > 0) log.info({ published }, 'recalls of the spool published')
  }

  /** Answers how many were confirmed. */
  async function publishOldest(limit: number): Promise<number> {
    const oldest = spool.oldest(limit)
    const outcomes = await Promise.allSettled(oldest.map(({ recall }) => publish(recall)))
    const failed = outcomes.findIndex(({ status }) => status === 'rejected')
    // What was confirmed behind a failed one stays too: published again after it, it changes nothing.
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
      // A recall may have come in the moment between the last look and here.
      wake()
    })
  }

  return {
    /** Goes to work, unless at work already or nothing waits. */
    wake,

    /** What waits stays in the spool. */
    async stop(): Promise<void> {
      stopped.abort()
      await running
    },
  }
}

/** Nodes hear again a moment later than this process publishes: they wait longer between attempts, or were deaf first. */
const NODE_RECOVERY_MS = 5_000

/**
 * Says how fast the spool may be published after an outage. A log holds so many notices: what is published before the nodes
 * hear again, and pushed out of the log by what follows, they could only tell their sockets as a gap. Times are those of
 * `performance.now()`.
 */
export class SlowStart {
  readonly #atFirst: number
  #sinceMs: number | undefined
  #published = 0

  /** `atFirst`: most recalls until all nodes hear again. */
  constructor(atFirst: number) {
    this.#atFirst = atFirst
  }

  /** Takes down that so many recalls were confirmed. */
  confirmed(recalls: number, nowMs: number): void {
    this.#sinceMs ??= nowMs
    this.#published += recalls
  }

  /** Takes down that the broker is away: what was said of the nodes is no longer true. */
  failed(): void {
    this.#sinceMs = undefined
    this.#published = 0
  }

  /** How many recalls may be published now. */
  allowed(nowMs: number): number {
    return this.waitMs(nowMs) === 0 ? Infinity : this.#atFirst - this.#published
  }

  /** How long until any number is allowed. */
  waitMs(nowMs: number): number {
    return Math.max(0, (this.#sinceMs ?? nowMs) + NODE_RECOVERY_MS - nowMs)
  }
}
