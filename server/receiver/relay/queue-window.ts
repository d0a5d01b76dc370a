import { fullJitterMs } from '../../../shared/backoff.ts'

/** Lanes that are delivered concurrently, while the backend answers. */
const MAX_WINDOW = 16
/** Lanes whose request has failed before may take as many of these, so that slow ones leave room for the others. */
export const MAX_RETRIES = MAX_WINDOW / 2
/** Lanes that fail for the first time, without anything delivered meanwhile, after which the backend is taken to be down. */
const DOWN_AFTER = { unanswered: 3, refused: 16 }
const PROBES = { baseMs: 100, maxMs: 2_000 }
/** However long a backend wants to be left alone: longer, and it would be late for all. */
const MAX_PAUSE_MS = 60_000

interface Failure {
  /** See `Verdict`. */
  readonly isDown: boolean
  readonly retryAfterMs: number
  /** Whether the backend was down when the attempt began. */
  readonly wasProbe: boolean
  /** Whether this request had not failed before: one that the backend cannot take says nothing of the others. */
  readonly isFirst: boolean
}

/**
 * How many lanes are delivered concurrently. While the backend as a whole is down, one request at a time probes whether it is back,
 * with growing pauses; then the number grows with each that is delivered.
 */
export class QueueWindow {
  #size = MAX_WINDOW
  #failures = 0
  #unanswered = 0
  #probes = 0
  #probeAtMs = 0

  get isDown(): boolean {
    return this.#unanswered >= DOWN_AFTER.unanswered || this.#failures >= DOWN_AFTER.refused
  }

  /** How many may be under way now. */
  size(nowMs: number): number {
    if (!this.isDown) return this.#size
    return nowMs >= this.#probeAtMs ? 1 : 0
  }

  /** How long until the next probe, in ms. */
  waitMs(nowMs: number): number {
    return this.isDown ? Math.max(0, this.#probeAtMs - nowMs) : 0
  }

  /** Whether the next probe had better be one that has failed before, so that few are repeated: every other one. */
  get prefersRetry(): boolean {
    return this.isDown && this.#probes % 2 === 0
  }

  failed({ isDown, retryAfterMs, wasProbe, isFirst }: Failure, nowMs: number): void {
    if (isFirst) this.#failures++
    if (isFirst && isDown) this.#unanswered++
    if (!this.isDown) return
    this.#size = 1
    // Several fail together when the backend goes.
    if (wasProbe) this.#probes++
    const pauseMs = Math.max(fullJitterMs(this.#probes, PROBES), Math.min(retryAfterMs, MAX_PAUSE_MS))
    this.#probeAtMs = nowMs + pauseMs
  }

  /** The backend has taken a request, or refused it for good: it is there. */
  succeeded(): void {
    this.#failures = 0
    this.#unanswered = 0
    this.#probes = 0
    this.#size = Math.min(MAX_WINDOW, this.#size + 1)
  }

  /** Somebody else has got an answer: the next probe need not wait. */
  wake(): void {
    this.#probeAtMs = 0
  }
}
