import { setTimeout as delay } from 'node:timers/promises'
import type { Recall } from '../../../shared/recall.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Broker, Published } from '../broker.ts'
import { withTimeout } from '../timeout.ts'
import { createDrain } from './drain.ts'
import type { Spool } from './spool.ts'

/** The share of the answer's deadline that the broker gets; what is left is enough to flush to disk. */
const BROKER_TIMEOUT_MS = 1_000

/** Webhooks that arrive meanwhile are lost: a broker that may be away is not waited for any longer. */
const CONNECT_TIMEOUT_MS = 500

interface SpoolingOptions {
  /** Tells this broker from others that the spool may have served. */
  readonly brokerName: string
  /** Longest log of a room, in notices: what waits is published no faster than nodes can follow. */
  readonly historySize: number
}

interface SpoolingDependencies {
  readonly broker: Broker
  readonly spool: Spool
  readonly log: Logger
}

/**
 * A broker that keeps recalls on local disk while the one behind it does not confirm them, and publishes them, oldest
 * first, when it does again. While anything waits, new recalls queue behind it. What the broker kept without our hearing
 * of it is published a second time, which the recalled set makes harmless.
 */
export function createSpoolingBroker(
  { brokerName, historySize }: SpoolingOptions,
  { broker, spool, log }: SpoolingDependencies,
): Broker {
  const drain = createDrain(
    { atFirst: Math.ceil(historySize / 2) },
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
      const reaching = broker.start().then(() => spool.markReached(brokerName))
      // One that was never reached is an error of the settings; one that was is away, which is what the spool is for.
      if (!spool.wasReached(brokerName)) await reaching
      else if (!(await isReachedSoon(reaching))) log.warn('broker away at the start, recalls go to the spool')
      drain.wake()
    },
    async stop() {
      await drain.stop()
      await broker.stop()
      await spool.close()
    },
  }
}

async function isReachedSoon(reaching: Promise<void>): Promise<boolean> {
  const reached = reaching.then(
    () => true,
    () => false,
  )
  return await Promise.race([reached, delay(CONNECT_TIMEOUT_MS, false, { ref: false })])
}
