import { setTimeout as delay } from 'node:timers/promises'
import { GatewayError } from '../../../shared/errors.ts'
import { Pause } from './pause.ts'

/** How long a call may wait for its turn. */
const MAX_QUEUE_MS = 5_000

/** Spreads calls over time, at most so many per second, and none while the server demands a pause. */
export class CallSchedule {
  readonly pause = new Pause()
  readonly #intervalMs: number
  #nextAtMs = 0

  constructor(perSecond: number) {
    this.#intervalMs = 1_000 / perSecond
  }

  /** Resolves when it is the turn of a call. Rejects with MEMBERSHIP_UNKNOWN if that would take more than 5 s. */
  async turn(): Promise<void> {
    const latestAtMs = performance.now() + MAX_QUEUE_MS
    for (;;) {
      const nowMs = performance.now()
      const atMs = Math.max(nowMs, this.#nextAtMs, this.pause.endsAtMs)
      if (atMs > latestAtMs)
        throw new GatewayError('MEMBERSHIP_UNKNOWN', "too many calls are queued for Tencent's REST API", {
          retryInMs: atMs - nowMs,
        })
      this.#nextAtMs = atMs + this.#intervalMs
      await delay(atMs - nowMs)
      // A pause can begin while calls wait: they line up behind it again.
      if (performance.now() >= this.pause.endsAtMs) return
    }
  }
}
