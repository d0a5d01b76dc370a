import { GatewayError } from '../../../shared/errors.ts'

const FIRST_MS = 1_000
const MAX_MS = 30_000

/** How long nothing is asked of a server that has said that it is asked too often: 1 s, and then twice as long each time. */
export class Pause {
  #endsAtMs = -Infinity
  #lengthMs = FIRST_MS

  /** In ms of `performance.now()`; in the past if there is no pause. */
  get endsAtMs(): number {
    return this.#endsAtMs
  }

  /** To be called when the server refuses. Several refusals of one burst count once. `atLeastMs` is what the server demands. */
  begin(atLeastMs = 0): void {
    const nowMs = performance.now()
    if (nowMs < this.#endsAtMs) return
    this.#endsAtMs = nowMs + Math.min(MAX_MS, Math.max(this.#lengthMs, atLeastMs))
    this.#lengthMs = Math.min(MAX_MS, this.#lengthMs * 2)
  }

  /** To be called when the server has answered. */
  succeeded(): void {
    if (performance.now() >= this.#endsAtMs) this.#lengthMs = FIRST_MS
  }

  /** Throws MEMBERSHIP_UNKNOWN during a pause. */
  check(server: string): void {
    const retryInMs = this.#endsAtMs - performance.now()
    if (retryInMs > 0)
      throw new GatewayError('MEMBERSHIP_UNKNOWN', `${server} is asked too often`, { retryInMs })
  }
}
