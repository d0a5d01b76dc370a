import { GatewayError } from '../../../shared/errors.ts'
import type { Position } from '../../../shared/position.ts'
import { NODE_CLOCK } from '../../lib/timers.ts'
import type { Clock } from '../../lib/timers.ts'
import type { Recall } from '../../../shared/recall.ts'
import type { Room } from '../../../shared/room.ts'

/** In one call: it must not keep Redis from others for longer than about a millisecond. */
const RECALLS_PER_CALL = 64
const MESSAGES_PER_CALL = 1_000
/**
 * After a call of several recalls the next one begins no sooner: what a recall costs is mostly that processes are woken for
 * it, here, in Redis and on every node, and they are woken once for all of a call.
 */
const MIN_CALL_INTERVAL_MS = 5
/** So many do not wait for more. */
const ENOUGH_FOR_A_CALL = 16
/** More than are ever under way: each waits a second at most. Beyond, the caller knows better where to keep one. */
const MAX_QUEUED = 20_000

/** A recall and the rooms that it goes to, that of its conversation first. */
export interface Addressed {
  readonly recall: Recall
  readonly rooms: readonly Room[]
  /** See `roomName`; made once, as each is needed several times. */
  readonly names: readonly string[]
}

interface Waiting extends Addressed {
  /** See `PublishOptions`. */
  readonly immediately: boolean
  readonly resolve: (positions: readonly Position[]) => void
  readonly reject: (error: unknown) => void
}

/** Keeps recalls in this order; answers the positions of each. Those behind the last answer were not kept. */
type Send = (batch: readonly Addressed[]) => Promise<readonly (readonly Position[])[]>

/**
 * Publishes recalls in the order in which they come, one call at a time: what comes while one is under way, or shortly
 * after one that held several, goes into the next one together, as a group commit does. After a call of a single recall
 * nothing waits, nor what is published `atOnce`. When a call fails, what waits behind it fails as well, and at once: the
 * caller has another place for it, and little time.
 */
export function createPublishQueue(send: Send, clock: Clock = NODE_CLOCK) {
  let waiting: Waiting[] = []
  let isSending = false
  let last = { beganMs: -Infinity, recalls: 0, leftSome: false }
  let stopGathering: (() => void) | undefined

  async function sendAll(): Promise<void> {
    while (waiting.length > 0) {
      await waitForCompany()
      const batch = takeBatch()
      last = { beganMs: clock.now(), recalls: batch.length, leftSome: waiting.length > 0 }
      try {
        const outcomes = await send(batch)
        for (const [i, { resolve, reject }] of batch.entries()) {
          const outcome = outcomes[i]
          if (outcome === undefined) reject(new GatewayError('BROKER_UNAVAILABLE', 'Redis could not keep it'))
          else resolve(outcome)
        }
      } catch (error) {
        const failed = [...batch, ...waiting]
        waiting = []
        for (const { reject } of failed) reject(error)
      }
    }
    isSending = false
  }

  /** Resolves when the next call may begin. */
  async function waitForCompany(): Promise<void> {
    if (last.recalls < 2 || last.leftSome || isEnough()) return
    const leftMs = last.beganMs + MIN_CALL_INTERVAL_MS - clock.now()
    if (leftMs <= 0) return
    await new Promise<void>((resolve) => {
      const timer = clock.setTimeout(resolve, leftMs)
      stopGathering = () => {
        clock.clearTimeout(timer)
        resolve()
      }
    })
    stopGathering = undefined
  }

  const isEnough = (): boolean =>
    waiting.length >= ENOUGH_FOR_A_CALL || waiting.some(({ immediately }) => immediately)

  function takeBatch(): readonly Waiting[] {
    let messages = 0
    const tooMany = waiting.findIndex(({ recall }, i) => {
      messages += recall.messages.length
      return i > 0 && (i >= RECALLS_PER_CALL || messages > MESSAGES_PER_CALL)
    })
    return waiting.splice(0, tooMany === -1 ? waiting.length : tooMany)
  }

  return ({ recall, rooms, names }: Addressed, immediately = false): Promise<readonly Position[]> =>
    new Promise((resolve, reject) => {
      if (waiting.length >= MAX_QUEUED)
        return reject(new GatewayError('BROKER_UNAVAILABLE', 'too many recalls wait for Redis'))
      waiting.push({ recall, rooms, names, immediately, resolve, reject })
      if (isEnough()) stopGathering?.()
      if (isSending) return
      isSending = true
      // With all that is published in one go, as from the spool.
      queueMicrotask(() => void sendAll())
    })
}
