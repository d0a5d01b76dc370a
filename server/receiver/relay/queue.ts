import { NODE_CLOCK } from '../../lib/timers.ts'
import type { Clock } from '../../lib/timers.ts'
import { createDelivery } from './queue-delivery.ts'
import type { DeliveryDependencies } from './queue-delivery.ts'
import { Lanes, isOccupied } from './queue-lanes.ts'
import { openQueueStore } from './queue-store.ts'
import type { QueueStoreOptions } from './queue-store.ts'
import type { RelayQueue } from './relayed-request.ts'

interface RelayQueueOptions extends QueueStoreOptions {
  /** Requests that have waited longer are given up. */
  readonly retryForMs: number
  readonly clock?: Clock
}

export interface OpenedRelayQueue extends RelayQueue {
  /** Begins to deliver. */
  start(): void
  /** Ends the attempts that are under way; the next process repeats them. */
  stop(): Promise<void>
}

/** Entries that say no lane. */
const ROTTEN_LANE = ''

/**
 * Opens the durable queue of requests for the app's backend, with what an earlier process left there. Throws errors of the file
 * system. Each request is delivered once, or marked as a repeat: a process that is killed between an answer and its removal
 * delivers it again.
 */
export function openRelayQueue(
  { retryForMs, clock = NODE_CLOCK, ...storeOptions }: RelayQueueOptions,
  dependencies: Omit<DeliveryDependencies, 'lanes' | 'store'>,
): OpenedRelayQueue {
  const store = openQueueStore(storeOptions, dependencies.log)
  const lanes = new Lanes()
  // The clock of the machine may be set, which must neither age requests nor keep them.
  const startedAtMs = Date.now() - clock.now()
  const now = (): number => startedAtMs + clock.now()
  /** The oldest request, and when it was queued. */
  let oldest = { key: 0, queuedAtMs: 0 }

  for (const { key, queued } of store.all()) {
    // The process that wrote it may have delivered it.
    const entry = { key, order: queued?.order ?? key, attempts: 1 }
    lanes.load(queued?.request.lane ?? ROTTEN_LANE, entry)
  }
  if (store.requests() > 0)
    dependencies.log.info(
      { requests: store.requests() },
      'requests of an earlier process wait for the backend',
    )
  const delivery = createDelivery({ retryForMs, clock, now }, { ...dependencies, lanes, store })

  function oldestAgeMs(): number {
    const key = store.oldestKey()
    if (key === undefined) return 0
    // Asked for every second, and read from disk when it changes.
    if (oldest.key !== key) oldest = { key, queuedAtMs: store.read(key)?.queued?.queuedAtMs ?? now() }
    return Math.max(0, now() - oldest.queuedAtMs)
  }

  return {
    arrive: (name, isComing) => lanes.arrive(name, delivery.pump, isComing),

    async add(request, why, arrival = lanes.arrive(request.lane, delivery.pump)) {
      const lane = lanes.writing(request.lane)
      const order = arrival.number
      try {
        const key = await store.append({ request, order, queuedAtMs: Math.round(now()) })
        lanes.written(lane, { key, order, attempts: why === 'failed' ? 1 : 0 })
      } catch (error) {
        lanes.written(lane, undefined)
        throw error
      } finally {
        arrival.leave()
      }
    },

    hasLane(name) {
      const lane = lanes.get(name)
      return lane !== undefined && isOccupied(lane)
    },

    wake: delivery.wake,
    depth: () => ({ requests: store.requests(), bytes: store.bytes(), ageMs: oldestAgeMs() }),
    start: delivery.start,

    async stop() {
      await delivery.stop()
      await store.close()
    },
  }
}
