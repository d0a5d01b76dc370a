import { GatewayError } from '../../../shared/errors.ts'
import { ResponseTooLarge } from '../../http/fetch.ts'

/** One request may be odd, or be lost. */
const MAX_UNANSWERED = 3
const LENGTH_MS = 1_000

/**
 * Whether a server answers at all. After three requests without an answer in a row, nothing is asked for 1 s: those who wait for
 * their turn hear of it at once, and not each after another timeout.
 */
export class Silence {
  #unanswered = 0
  #endsAtMs = -Infinity

  /** Settles as the request does, which rejects if there is no answer, or a longer one than is read. */
  async watch<T>(request: Promise<T>): Promise<T> {
    try {
      const answer = await request
      this.#unanswered = 0
      return answer
    } catch (error) {
      if (error instanceof ResponseTooLarge) this.#unanswered = 0
      else if (++this.#unanswered >= MAX_UNANSWERED) this.#endsAtMs = performance.now() + LENGTH_MS
      throw error
    }
  }

  /** Throws MEMBERSHIP_UNKNOWN while nothing is asked. */
  check(server: string): void {
    const retryInMs = this.#endsAtMs - performance.now()
    if (retryInMs > 0)
      throw new GatewayError('MEMBERSHIP_UNKNOWN', `${server} does not answer`, { retryInMs })
  }
}
