import { fullJitterMs } from '../../../shared/backoff.ts'

/** Failures in a row after which it opens. */
const MAX_FAILURES = 5
/** Between two probes: at least this, and twice as long at most each time. */
const MIN_PAUSE_MS = 500
const PAUSE = { baseMs: 1_000, maxMs: 30_000 }
/** A probe of which nothing is heard. */
const PROBE_TIMEOUT_MS = 5_000

/**
 * Keeps requests from a backend that has failed several times in a row, but for single ones that probe whether it is back. Times are
 * those of a clock that nobody sets, handed in.
 */
export class CircuitBreaker {
  #failures = 0
  #probes = 0
  #isOpen = false
  #isProbing = false
  /** When the next one may probe. */
  #probeAtMs = 0

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Whether `admits` would let a request through now. */
  wouldAdmit(nowMs: number): boolean {
    return !this.#isOpen || nowMs >= this.#probeAtMs
  }

  /** Whether a request may be sent. While it is open, the one that may is a probe. */
  admits(nowMs: number): boolean {
    if (!this.wouldAdmit(nowMs)) return false
    if (this.#isOpen) {
      this.#isProbing = true
      this.#probeAtMs = nowMs + PROBE_TIMEOUT_MS
    }
    return true
  }

  failed(nowMs: number): void {
    this.#failures++
    // Those that were sent before it opened say nothing new.
    if (this.#isOpen ? !this.#isProbing : this.#failures < MAX_FAILURES) return
    this.#isOpen = true
    this.#isProbing = false
    this.#probeAtMs = nowMs + MIN_PAUSE_MS + fullJitterMs(this.#probes++, PAUSE)
  }

  /** Returns whether it closed with this. */
  succeeded(): boolean {
    const wasOpen = this.#isOpen
    this.#failures = 0
    this.#probes = 0
    this.#isOpen = false
    this.#isProbing = false
    return wasOpen
  }
}
