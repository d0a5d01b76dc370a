import { GatewayError } from '../../../shared/errors.ts'
import type { Position } from '../../../shared/position.ts'
import type { Recall } from '../../../shared/recall.ts'
import type { Room } from '../../../shared/room.ts'
import { NODE_CLOCK } from '../../lib/timers.ts'
import type { Clock } from '../../lib/timers.ts'

/** Limits of one call, so that it does not block Redis for much longer than a millisecond. */
const MAX_RECALLS_PER_CALL = 64
const MAX_MESSAGES_PER_CALL = 1_000
/**
 * Minimum time from the start of a call with several recalls to the next one. Most of the cost of a recall is waking
 * processes for it, here, in Redis and on every node, and one call wakes them once for all of its recalls.
 */
const MIN_CALL_INTERVAL_MS = 5
/** Once this many recalls are queued, they do not wait for more. */
const FULL_BATCH = 16
/** More than are ever queued, because each waits a second at most. Beyond it, a recall is better off in the caller's spool. */
const MAX_QUEUED = 20_000

/** A recall and its rooms, that of its conversation first. */
export interface Addressed {
  readonly recall: Recall
  readonly rooms: readonly Room[]
  /** The `roomName` of each room. Computed once, because each is needed several times. */
  readonly names: readonly string[]
}

interface Queued extends Addressed {
  /** See `PublishOptions`. */
  readonly immediately: boolean
  readonly resolve: (positions: readonly Position[]) => void
  readonly reject: (error: unknown) => void
}

/** Stores the recalls in this order. Returns the positions of each; those beyond the end of the result were not stored. */
type Send = (batch: readonly Addressed[]) => Promise<readonly (readonly Position[])[]>

/**
 * Publishes recalls in order of arrival, one call at a time, as a group commit: recalls that arrive during a call, or
 * shortly after one with several recalls, share the next call. After a call with a single recall nothing waits, and neither
 * does a recall published `immediately`. When a call fails, everything queued behind it fails immediately as well, so that
 * the caller has time to spool it.
 */
export function createPublishQueue(send: Send, clock: Clock = NODE_CLOCK) {
  let queue: Queued[] = []
  let isSending = false
  let lastCall = { startedMs: -Infinity, recalls: 0, leftSome: false }
  let endWait: (() => void) | undefined

  async function sendAll(): Promise<void> {
    while (queue.length > 0) {
      await waitForBatch()
      const batch = takeBatch()
      lastCall = { startedMs: clock.now(), recalls: batch.length, leftSome: queue.length > 0 }
      try {
        const results = await send(batch)
        for (const [i, { resolve, reject }] of batch.entries()) {
          const positions = results[i]
          if (positions === undefined)
            reject(new GatewayError('BROKER_UNAVAILABLE', 'Redis could not store the recall'))
          else resolve(positions)
        }
      } catch (error) {
        const failed = [...batch, ...queue]
        queue = []
        for (const { reject } of failed) reject(error)
      }
    }
    isSending = false
  }

  /** Resolves when the next call may start. */
  async function waitForBatch(): Promise<void> {
    if (lastCall.recalls < 2 || lastCall.leftSome || isBatchReady()) return
    const leftMs = lastCall.startedMs + MIN_CALL_INTERVAL_MS - clock.now()
    if (leftMs <= 0) return
    await new Promise<void>((resolve) => {
      const timer = clock.setTimeout(resolve, leftMs)
      endWait = () => {
        clock.clearTimeout(timer)
        resolve()
      }
    })
    endWait = undefined
  }

  const isBatchReady = (): boolean =>
    queue.length >= FULL_BATCH || queue.some(({ immediately }) => immediately)

  function takeBatch(): readonly Queued[] {
    let messages = 0
    const end = queue.findIndex(({ recall }, i) => {
      messages += recall.messages.length
      return i > 0 && (i >= MAX_RECALLS_PER_CALL || messages > MAX_MESSAGES_PER_CALL)
    })
    return queue.splice(0, end === -1 ? queue.length : end)
  }

  return ({ recall, rooms, names }: Addressed, immediately = false): Promise<readonly Position[]> =>
    new Promise((resolve, reject) => {
      if (queue.length >= MAX_QUEUED)
        return reject(new GatewayError('BROKER_UNAVAILABLE', 'too many recalls queued for Redis'))
      queue.push({ recall, rooms, names, immediately, resolve, reject })
      if (isBatchReady()) endWait?.()
      if (isSending) return
      isSending = true
      // A microtask later, to include everything published in the same turn, as the spool does.
      queueMicrotask(() => void sendAll())
    })
}
