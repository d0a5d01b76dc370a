import { GatewayError } from '../../../shared/errors.ts'
import type { Position } from '../../../shared/position.ts'
import type { Addressed } from './encode-publish.ts'

/** In one call: it must not keep Redis from others for longer than about a millisecond. */
const RECALLS_PER_CALL = 64
const MESSAGES_PER_CALL = 1_000
/** More than are ever under way: each waits a second at most. Beyond, the caller knows better where to keep one. */
const WAITING_AT_MOST = 20_000

interface Waiting extends Addressed {
  readonly resolve: (positions: readonly Position[]) => void
  readonly reject: (error: unknown) => void
}

/** Keeps recalls in this order; answers the positions of each. Those behind the last answer were not kept. */
type Send = (batch: readonly Addressed[]) => Promise<readonly (readonly Position[])[]>

/**
 * Publishes recalls in the order in which they come, one call at a time: what comes while one is under way goes into the
 * next one together, as a group commit does. When a call fails, what waits behind it fails as well, and at once: the
 * caller has another place for it, and little time.
 */
export function createPublishQueue(send: Send) {
  let waiting: Waiting[] = []
  let isSending = false

  async function sendAll(): Promise<void> {
    while (waiting.length > 0) {
      const batch = takeBatch()
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

  function takeBatch(): readonly Waiting[] {
    let messages = 0
    const tooMany = waiting.findIndex(({ recall }, i) => {
      messages += recall.messages.length
      return i > 0 && (i >= RECALLS_PER_CALL || messages > MESSAGES_PER_CALL)
    })
    return waiting.splice(0, tooMany === -1 ? waiting.length : tooMany)
  }

  return (addressed: Addressed): Promise<readonly Position[]> =>
    new Promise((resolve, reject) => {
      if (waiting.length >= WAITING_AT_MOST)
        return reject(new GatewayError('BROKER_UNAVAILABLE', 'too many recalls wait for Redis'))
      waiting.push({ ...addressed, resolve, reject })
      if (isSending) return
      isSending = true
      // With all that is published in one go, as from the spool, and without a wait for more: a quiet gateway is a fast one.
      queueMicrotask(() => void sendAll())
    })
}
