import { setTimeout as delay } from 'node:timers/promises'
import type { Recall } from '../../../shared/recall.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Broker, Published } from '../broker.ts'
import { withTimeout } from '../timeout.ts'
import { createDrain } from './drain.ts'
import type { Spool } from './spool.ts'

/** The broker's share of the time to respond; the rest is enough to flush to disk. */
const BROKER_TIMEOUT_MS = 1_000

/** How long the start waits for a broker that may be unavailable. No longer, because webhooks are lost meanwhile. */
const CONNECT_TIMEOUT_MS = 500

interface SpoolingOptions {
  /** Distinguishes this broker from others that used the same spool. */
  readonly brokerName: string
  /** Maximum length of a room's log, in notices. Bounds how fast the spool is drained, so that nodes can follow. */
  readonly historySize: number
}

interface SpoolingDependencies {
  readonly broker: Broker
  readonly spool: Spool
  readonly log: Logger
}

/**
 * Decorates a broker: recalls it does not confirm are persisted on local disk and published, oldest first, once it confirms
 * again. While the spool is not empty, new recalls queue behind it. A recall whose confirmation was lost is published a
 * second time, which the recalled set makes harmless.
 */
export function createSpoolingBroker(
  { brokerName, historySize }: SpoolingOptions,
  { broker, spool, log }: SpoolingDependencies,
): Broker {
  const drain = createDrain(
    { initialWindow: Math.ceil(historySize / 2) },
    { publish: (recall) => broker.publish(recall, BROKER_TIMEOUT_MS, { immediately: true }), spool, log },
  )

  async function publish(recall: Recall, timeoutMs: number): Promise<Published> {
    const deadlineMs = Date.now() + timeoutMs
    if (spool.isEmpty()) {
      try {
        return await broker.publish(recall, Math.min(BROKER_TIMEOUT_MS, timeoutMs))
      } catch (err) {
        log.debug({ err }, 'recall not confirmed by the broker')
      }
    }
    await withTimeout(Math.max(0, deadlineMs - Date.now()), spool.append(recall))
    drain.wake()
    return { duplicate: false, spooled: true, positions: [] }
  }

  return {
    ...broker,
    publish,
    async start() {
      const starting = broker.start().then(() => spool.markReached(brokerName))
      // A broker never reached before points to wrong settings. Otherwise it is unavailable, which the spool is for.
      if (!spool.wasReached(brokerName)) await starting
      else if (!(await startsSoon(starting))) log.warn('broker unavailable at startup, spooling recalls')
      drain.wake()
    },
    async stop() {
      await drain.stop()
      await broker.stop()
      await spool.close()
    },
  }
}

async function startsSoon(starting: Promise<void>): Promise<boolean> {
  const outcome = starting.then(
    () => true,
    () => false,
  )
  return await Promise.race([outcome, delay(CONNECT_TIMEOUT_MS, false, { ref: false })])
}
