import { GatewayError } from '../../../shared/errors.ts'
import type { Position } from '../../../shared/position.ts'
import type { Recall } from '../../../shared/recall.ts'
import type { Room } from '../../../shared/room.ts'
import { createPace } from '../../lib/pacing.ts'
import type { Pace } from '../../lib/pacing.ts'
import { NODE_CLOCK } from '../../lib/timers.ts'
import type { Clock } from '../../lib/timers.ts'

/** Limits of a batch, so that nothing else waits for it for much longer than a millisecond. */
const MAX_RECALLS_PER_BATCH = 64
const MAX_MESSAGES_PER_BATCH = 1_000
/**
 * Minimum time from the start of a batch of several recalls to the next one, while the process is strained. Most of the cost of a
 * recall is waking processes for it, here, in Redis and on every node, and one batch wakes them once for all of its recalls.
 */
const STRAINED_BATCH_INTERVAL_MS = 5
/**
 * Unlike notices, they are batched early: they wait for a few milliseconds at most, and the nodes and Redis are spared too,
 * however busy they are.
 */
const createRecallPace = (): Pace => createPace({ relaxed: 0.1, strained: 0.6 })
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

const NOT_STORED = new GatewayError('BROKER_UNAVAILABLE', 'Redis did not store the recall')

/** The positions of a recall, or why it was not stored. */
export type Outcome = readonly Position[] | Error

/** Stores the recalls in this order. Recalls beyond the end of the result were not stored. */
type Send = (batch: readonly Addressed[]) => Promise<readonly Outcome[]>

/**
 * Publishes recalls in order of arrival, one batch at a time, as a group commit: recalls that arrive while one is under way, or,
 * on a busy process, shortly after one of several recalls, share the next one. After a batch of a single recall nothing waits,
 * and neither does a recall published `immediately`. When a whole batch fails, everything queued behind it fails immediately as
 * well, so that the caller has time to spool it.
 */
export function createPublishQueue(send: Send, pace: Pace = createRecallPace(), clock: Clock = NODE_CLOCK) {
  let queue: Queued[] = []
  let isSending = false
  let lastBatch = { startedMs: -Infinity, recalls: 0, leftSome: false }
  let endWait: (() => void) | undefined

  async function sendBatch(batch: readonly Addressed[]): Promise<readonly Outcome[]> {
    try {
      return await send(batch)
    } catch (error) {
      const failure = error instanceof Error ? error : NOT_STORED
      return batch.map(() => failure)
    }
  }

  async function sendAll(): Promise<void> {
    while (queue.length > 0) {
      await waitForBatch()
      const batch = takeBatch()
      lastBatch = { startedMs: clock.now(), recalls: batch.length, leftSome: queue.length > 0 }
      const outcomes = await sendBatch(batch)
      for (const [i, { resolve, reject }] of batch.entries()) {
        const outcome = outcomes[i] ?? NOT_STORED
        if (outcome instanceof Error) reject(outcome)
        else resolve(outcome)
      }
      const [first] = outcomes
      if (!(first instanceof Error) || !outcomes.every((outcome) => outcome instanceof Error)) continue
      const behind = queue
      queue = []
      for (const { reject } of behind) reject(first)
    }
    isSending = false
  }

  /** Resolves when the next call may start. */
  async function waitForBatch(): Promise<void> {
    if (lastBatch.recalls < 2 || lastBatch.leftSome || isBatchReady()) return
    const leftMs = lastBatch.startedMs + pace() * STRAINED_BATCH_INTERVAL_MS - clock.now()
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
      return i > 0 && (i >= MAX_RECALLS_PER_BATCH || messages > MAX_MESSAGES_PER_BATCH)
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
