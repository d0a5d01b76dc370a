import { setMaxListeners } from 'node:events'
import { fullJitterMs } from '../../../shared/backoff.ts'
import type { Clock } from '../../lib/timers.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Metrics, QueuedRequestEnd } from '../../telemetry/metrics.ts'
import type { GivenUp, Lane, Lanes, QueueEntry } from './queue-lanes.ts'
import type { QueuedRequest } from './queue-entry.ts'
import type { QueueStore, Read } from './queue-store.ts'
import { verdictOf } from './queue-verdict.ts'
import type { Retry } from './queue-verdict.ts'
import { MAX_RETRIES, QueueWindow } from './queue-window.ts'
import type { Forwarder, RelayedRequest } from './relayed-request.ts'

/** Nobody waits for the answer. */
const ATTEMPT_TIMEOUT_MS = 10_000
/** Pauses between attempts at one request while the backend takes others. */
const RETRIES = { baseMs: 200, maxMs: 60_000 }
/** A request that has failed more often while the backend took others may be what brings it down: it waits even if that is back. */
const MAX_FORGIVEN = 8
const DISK_RETRY_DELAY_MS = 1_000
/** How often requests are looked for that have waited too long. */
const EXPIRY_INTERVAL_MS = 1_000
/** Of those given up at a time. */
const EXPIRED_AT_A_TIME = 100
/** Attempts that are under way when the process stops get so long to end. */
const STOP_MS = 250

export interface DeliveryOptions {
  /** Requests that have waited longer are given up. */
  readonly retryForMs: number
  readonly clock: Clock
  /** The time by a clock that is not set while the process runs, in ms since 1970. */
  readonly now: () => number
}

export interface DeliveryDependencies {
  readonly lanes: Lanes
  readonly store: QueueStore
  readonly forwarder: Forwarder
  readonly quarantine: RelayQuarantine
  readonly metrics: Pick<Metrics, 'queuedRequestTried' | 'queuedRequestEnded'>
  readonly log: Logger
}

/** Where requests go that are given up. */
interface RelayQuarantine {
  /** Resolves once it is on disk. */
  addRelay(request: RelayedRequest, reason: string): Promise<void>
  addRotten(bytes: Buffer, reason: string): Promise<void>
}

/**
 * Delivers queued requests to the backend: those of one lane one after another, and several lanes concurrently. A request leaves the
 * queue when it is answered, refused for good, or too old.
 */
export function createDelivery(
  { retryForMs, clock, now }: DeliveryOptions,
  { lanes, store, forwarder, quarantine, metrics, log }: DeliveryDependencies,
) {
  const window = new QueueWindow()
  const stopped = new AbortController()
  // As many attempts as are under way.
  setMaxListeners(0, stopped.signal)
  const running = new Set<Promise<void>>()
  let retries = 0
  let isStarted = false
  let timer: unknown
  let expiryTimer: unknown
  /** Delivered since the queue was empty. */
  let delivered = 0
  /** Whether something has failed since, or was left by an earlier process. Every recall is queued for a moment: no line tells of that. */
  let hasWaited = store.requests() > 0

  /** Starts what may be under way now, and sees to it that it is called again when more may. */
  function pump(): void {
    if (!isStarted || stopped.signal.aborted) return
    const nowMs = clock.now()
    const dueMs = lanes.wakeDue(nowMs)
    while (running.size < window.size(nowMs)) {
      const mayRetry = window.isDown || retries < MAX_RETRIES
      const lane = lanes.next({ mayRetry, prefersRetry: window.prefersRetry })
      if (lane === undefined) break
      track(lane, () => deliver(lane))
    }
    clock.clearTimeout(timer)
    const waits = [window.waitMs(nowMs), dueMs === undefined ? 0 : dueMs - nowMs].filter((ms) => ms > 0)
    if (waits.length > 0) timer = clock.setTimeout(pump, Math.min(...waits))
  }

  /** Runs work on a lane that is `running`. */
  function track(lane: Lane, work: () => Promise<void>): void {
    const isRetry = lane.failures > 0
    if (isRetry) retries++
    const ended = work()
      .catch((err: unknown) => {
        log.error({ err }, "cannot read the relay's queue")
        lanes.wait(lane, clock.now() + DISK_RETRY_DELAY_MS, lane.failures + 1)
      })
      .finally(() => {
        if (isRetry) retries--
        running.delete(ended)
        pump()
      })
    running.add(ended)
  }

  async function deliver(lane: Lane): Promise<void> {
    const entry = lane.entries.first
    if (entry === undefined) return lanes.release(lane)
    const read = store.read(entry.key)
    if (read?.queued === undefined) return await giveUpRotten(lane, read)
    if (lane.givenUp) return await giveUp(lane, read.queued.request, lane.givenUp)
    if (isExpired(read.queued)) return await giveUp(lane, read.queued.request, expired())
    await attempt(lane, entry, read.queued)
  }

  async function attempt(lane: Lane, entry: QueueEntry, queued: QueuedRequest): Promise<void> {
    entry.attempts++
    const { request } = queued
    const { signal } = stopped
    const wasProbe = window.isDown
    const timing = { timeoutMs: ATTEMPT_TIMEOUT_MS, attempt: entry.attempts, signal }
    const verdict = verdictOf(await forwarder.forward(request, timing))
    // Its outcome says nothing of the backend, and the next process tries it again.
    if (signal.aborted && verdict.kind === 'retry') return
    metrics.queuedRequestTried(verdict.kind)
    if (verdict.kind === 'retry') return await retry(lane, queued, { ...verdict, wasProbe })
    recovered()
    if (verdict.kind === 'refused')
      return await giveUp(lane, request, { how: 'refused', reason: verdict.reason })
    delivered++
    finish(lane, entry, verdict.saysFail ? 'delivered_fail' : 'delivered')
  }

  async function retry(
    lane: Lane,
    queued: QueuedRequest,
    failure: Retry & { wasProbe: boolean },
  ): Promise<void> {
    hasWaited = true
    const wasDown = window.isDown
    const nowMs = clock.now()
    const { reason, retryAfterMs, wasProbe } = failure
    window.failed({ ...failure, isFirst: lane.failures === 0 }, nowMs)
    if (window.isDown && !wasDown)
      log.warn({ ...depth(), reason }, "the app's backend does not take what is relayed, it waits on disk")
    if (isExpired(queued)) return await giveUp(lane, queued.request, expired(reason))
    const failures = wasProbe ? Math.max(1, lane.failures) : lane.failures + 1
    // All pause then, and this one is no worse than the others.
    if (window.isDown && failures <= MAX_FORGIVEN) return lanes.wait(lane, nowMs, failures)
    const pauseMs = Math.max(fullJitterMs(failures - 1, RETRIES), retryAfterMs)
    lanes.wait(lane, nowMs + pauseMs, failures)
  }

  function recovered(): void {
    const wasDown = window.isDown
    window.succeeded()
    if (!wasDown) return
    log.info(depth(), "the app's backend takes what is relayed again")
    lanes.retryAll(MAX_FORGIVEN)
  }

  function finish(lane: Lane, entry: QueueEntry, how: QueuedRequestEnd): void {
    metrics.queuedRequestEnded(how)
    store.remove(entry.key)
    lanes.finished(lane)
    if (store.requests() > 0) return
    if (hasWaited && delivered > 0) log.info({ delivered }, 'queued requests delivered')
    delivered = 0
    hasWaited = false
  }

  const giveUp = (lane: Lane, request: RelayedRequest, why: GivenUp): Promise<void> =>
    setAside(lane, why, () => quarantine.addRelay(request, why.reason))

  const giveUpRotten = (lane: Lane, read: Read | undefined): Promise<void> =>
    setAside(lane, { how: 'rotten', reason: "rotten on disk in the relay's queue" }, async (reason) => {
      if (read) await quarantine.addRotten(read.payload, reason)
    })

  /** What the quarantine does not take stays first in its lane. */
  async function setAside(lane: Lane, why: GivenUp, add: (reason: string) => Promise<void>): Promise<void> {
    const entry = lane.entries.first
    if (entry === undefined) return lanes.release(lane)
    const { how, reason } = why
    try {
      await add(reason)
      log.warn({ reason }, 'a relayed request is given up, quarantined')
      finish(lane, entry, how)
    } catch (err) {
      log.error({ err, reason }, 'cannot put a relayed request into the quarantine, it stays in the queue')
      lane.givenUp = why
      lanes.wait(lane, clock.now() + fullJitterMs(lane.failures, RETRIES), lane.failures + 1)
    }
  }

  const isExpired = ({ queuedAtMs }: QueuedRequest): boolean => now() - queuedAtMs > retryForMs

  const expired = (last?: string): GivenUp => ({
    how: 'expired',
    reason: `not delivered for ${retryForMs / 1_000} s (RELAY_RETRY_FOR_S)${last === undefined ? '' : `: ${last}`}`,
  })

  /** Gives up what has waited too long, also while nothing is tried. */
  function expire(): void {
    try {
      const [first] = store.oldest(1)
      if (first?.queued && isExpired(first.queued))
        for (const read of store.oldest(EXPIRED_AT_A_TIME)) expireOne(read)
    } catch (err) {
      log.error({ err }, "cannot read the relay's queue")
    }
    expiryTimer = clock.setTimeout(expire, EXPIRY_INTERVAL_MS)
  }

  function expireOne({ key, queued }: Read): void {
    if (queued === undefined || !isExpired(queued)) return
    const lane = lanes.get(queued.request.lane)
    if (lane?.entries.first?.key !== key || lane.givenUp || !lanes.seize(lane)) return
    track(lane, () => giveUp(lane, queued.request, expired()))
  }

  const depth = () => ({ requests: store.requests(), bytes: store.bytes() })

  return {
    pump,

    start(): void {
      isStarted = true
      expiryTimer = clock.setTimeout(expire, EXPIRY_INTERVAL_MS)
      pump()
    },

    wake(): void {
      window.wake()
      lanes.retryAll(MAX_FORGIVEN)
      pump()
    },

    /** Resolves once no attempt is under way. One that is cut short is made again by the next process. */
    async stop(): Promise<void> {
      isStarted = false
      clock.clearTimeout(timer)
      clock.clearTimeout(expiryTimer)
      const cut = clock.setTimeout(() => stopped.abort(), STOP_MS)
      await Promise.all(running)
      clock.clearTimeout(cut)
      stopped.abort()
    },
  }
}
