import { Backoff } from '../backoff.ts'
import type { ClientError } from './api.ts'
import { MAX_TIMER_MS } from './clocks.ts'
import { isLasting } from './diagnosis.ts'
import type { Failure } from './failure.ts'

/** Between two attempts, however often the device says that it is back. */
const MIN_INTERVAL_MS = 1_000

interface ReconnectionOptions {
  readonly connect: () => void
  /** Receives what `getToken` threw, and failures that last. */
  readonly onError: (error: ClientError) => void
  /** `failure` or `retryAtMs` may have changed. */
  readonly onChange: () => void
}

/** Why there is no connection, and when the next attempt follows. */
export class Reconnection {
  readonly #options: ReconnectionOptions
  readonly #backoff = new Backoff()
  #failure: Failure | undefined
  /** Attempts that failed since the last connection. */
  #failures = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #retryAtMs: number | undefined
  /** Whether the node has asked to wait so long, to spread the load. */
  #mustWait = false
  #attemptedAtMs = 0
  /** The codes of the lasting failures that were told. */
  readonly #told = new Set<string>()

  constructor(options: ReconnectionOptions) {
    this.#options = options
  }

  /** Why the latest attempt failed, or the latest connection was lost; undefined before that. */
  get failure(): Failure | undefined {
    return this.#failure
  }

  /** When the next attempt begins, in ms since 1970; undefined while one is under way. */
  get retryAtMs(): number | undefined {
    return this.#retryAtMs
  }

  /** The time since the latest attempt began. */
  get sinceAttemptMs(): number {
    return Date.now() - this.#attemptedAtMs
  }

  /** An attempt begins. */
  onAttempt(): void {
    this.#attemptedAtMs = Date.now()
    this.#plan(undefined)
  }

  /**
   * Reconnects after `askedToWaitMs`, the delay that a node's goodbye gave, otherwise after a backoff. `credentialError` is why
   * there is no credential.
   */
  fail(failure: Failure, credentialError?: unknown, askedToWaitMs?: number): void {
    this.#failure = failure
    this.#failures++
    this.#mustWait = askedToWaitMs !== undefined
    const inMs = Math.min(askedToWaitMs ?? this.#backoff.nextMs(), MAX_TIMER_MS)
    this.#plan(inMs)
    if (credentialError !== undefined) this.#tell('getToken', credentialError)
    this.#tellLasting()
    this.#options.onChange()
  }

  /** What was found out about the failure after it was told. */
  explain(failure: Failure): void {
    if (this.#failure === undefined) return
    this.#failure = failure
    this.#tellLasting()
    this.#options.onChange()
  }

  /** Does not wait any longer, but for a second since the latest attempt. */
  hurry(): void {
    const inMs = Math.min(Math.max(0, MIN_INTERVAL_MS - this.sinceAttemptMs), MIN_INTERVAL_MS)
    if (this.#retryAtMs === undefined) return
    const leftMs = this.#retryAtMs - Date.now()
    // Overdue: the device slept, and the timer with it.
    if (leftMs >= 0 && (this.#mustWait || leftMs <= inMs)) return
    this.#plan(inMs)
    this.#options.onChange()
  }

  /** The next failure does not wait longer than the first. */
  resetBackoff(): void {
    this.#backoff.succeeded()
  }

  /** Plans no attempt, and forgets why there was to be one. */
  reset(): void {
    this.#plan(undefined)
    this.#failure = undefined
    this.#failures = 0
    this.#told.clear()
  }

  #plan(inMs: number | undefined): void {
    clearTimeout(this.#timer)
    this.#timer = inMs === undefined ? undefined : setTimeout(() => this.#retry(), inMs)
    this.#retryAtMs = inMs === undefined ? undefined : Math.round(Date.now() + inMs)
  }

  #retry(): void {
    this.#options.connect()
    this.#options.onChange()
  }

  /** Once for each outage: it is not told of each attempt. */
  #tellLasting(): void {
    const failure = this.#failure
    if (failure === undefined || !isLasting(failure) || this.#told.has(failure.code)) return
    this.#told.add(failure.code)
    this.#tell('connection', new Error(`${failure.code}: ${failure.reason}`))
  }

  #tell(source: ClientError['source'], error: unknown): void {
    const retry =
      this.#retryAtMs === undefined ? {} : { retryInMs: Math.max(0, this.#retryAtMs - Date.now()) }
    this.#options.onError({ source, error, attempt: Math.max(1, this.#failures), ...retry })
  }
}
