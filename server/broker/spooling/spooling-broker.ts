import { setTimeout as delay } from 'node:timers/promises'
import { reasonOf } from '../../../shared/errors.ts'
import type { Recall } from '../../../shared/recall.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Broker, Published } from '../broker.ts'
import { withTimeout } from '../timeout.ts'
import { createDrain } from './drain.ts'
import type { SetAside } from './setting-aside.ts'
import type { Spool } from './spool.ts'

/** The broker's share of the time to respond, also of less time than usual; the rest is enough to flush to disk. */
const BROKER_PATIENCE = { timeoutMs: 1_000, share: 0.6, drainTimeoutMs: 1_000, drainConcurrency: 200 }
/**
 * With `appendfsync everysec`, a sync takes up to 1.1 s: without that time, every other recall would be spooled, and if the spool
 * were drained in smaller steps, it would never be empty under steady traffic.
 */
const SYNC_PATIENCE = { timeoutMs: 1_400, share: 0.83, drainTimeoutMs: 2_500, drainConcurrency: 2_000 }

/** The spool's share of the time, if it is asked first. */
const SPOOL_SHARE = 0.6

/** A handover takes as long as a flush to disk. If the disk takes longer, the recall is spooled. */
const HANDOVER_TIMEOUT_MS = 200

/** How long the start waits for a broker that may be unavailable. No longer, because webhooks are lost meanwhile. */
const CONNECT_TIMEOUT_MS = 500

interface SpoolingOptions {
  /** Distinguishes this broker from others that used the same spool. */
  readonly brokerName: string
  /** Maximum length of a room's log, in notices. Bounds how fast the spool is drained, so that nodes can follow. */
  readonly historySize: number
  /** Whether the broker confirms only what its disk has synced. Default: false. */
  readonly waitsForSync?: boolean
}

interface SpoolingDependencies {
  readonly broker: Broker
  readonly spool: Spool
  readonly setAside: SetAside
  readonly log: Logger
}

/**
 * Decorates a broker: recalls it does not confirm are persisted on local disk and published, oldest first, once it confirms
 * again. While the spool is not empty, new recalls queue behind it. A recall whose confirmation was lost is published a
 * second time, which the recalled set makes harmless.
 */
export function createSpoolingBroker(
  { brokerName, historySize, waitsForSync = false }: SpoolingOptions,
  { broker, spool, setAside, log }: SpoolingDependencies,
): Broker {
  const patience = waitsForSync ? SYNC_PATIENCE : BROKER_PATIENCE
  const drain = createDrain(
    { initialWindow: Math.ceil(historySize / 2), concurrency: patience.drainConcurrency },
    {
      publish: (recall) =>
        broker.publish(recall, patience.drainTimeoutMs, { immediately: true, fromDisk: true }),
      reasons: () => broker.reasons(),
      spool,
      setAside,
      log,
    },
  )

  async function publish(recall: Recall, timeoutMs: number): Promise<Published> {
    const deadlineMs = performance.now() + timeoutMs
    const leftMs = (): number => Math.max(0, deadlineMs - performance.now())
    const answer = drain.mayBypass(recall)
    const isDirect =
      typeof answer === 'boolean'
        ? answer
        : await Promise.race([answer, delay(HANDOVER_TIMEOUT_MS, false, { ref: false })])
    let refusal: unknown
    if (isDirect) {
      try {
        const outcome = await broker.publish(recall, Math.min(patience.timeoutMs, timeoutMs * patience.share))
        drain.noteStored(outcome)
        return outcome
      } catch (err) {
        refusal = err
      }
    }
    // Not abandoned when the time is over: what reaches the disk late is published all the same.
    const spooled = drain.enqueue(recall, refusal)
    try {
      await withTimeout(isDirect ? leftMs() : leftMs() * SPOOL_SHARE, spooled)
    } catch (error) {
      if (isDirect) throw error
      // The broker was not asked yet: better out of order than not at all.
      log.error({ err: error }, 'cannot spool a recall, trying the broker')
      // Why the disk did not take it says what to do; the broker is known to be away.
      return await broker.publish(recall, leftMs()).catch(() => Promise.reject(error))
    }
    return { duplicate: false, spooled: true, positions: [] }
  }

  return {
    ...broker,
    publish,
    async start() {
      const starting = broker.start().then(() => spool.markReached(brokerName))
      // A broker never reached before points to wrong settings. Otherwise it is unavailable, which the spool is for.
      if (!spool.wasReached(brokerName)) await starting
      else {
        const reason = await whyNotSoon(starting)
        if (reason !== undefined) {
          log.warn({ reason }, 'broker unavailable at startup, spooling recalls')
          starting.then(
            () => log.info('broker reached'),
            () => undefined,
          )
        }
      }
      drain.wake()
    },
    async stop() {
      await drain.stop()
      await broker.stop()
      await spool.close()
    },
  }
}

async function whyNotSoon(starting: Promise<void>): Promise<string | undefined> {
  const outcome = starting.then(() => undefined, reasonOf)
  const reason = `it has not answered within ${CONNECT_TIMEOUT_MS} ms`
  return await Promise.race([outcome, delay(CONNECT_TIMEOUT_MS, reason, { ref: false })])
}
