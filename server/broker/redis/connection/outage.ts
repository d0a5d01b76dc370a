import type { Logger } from '../../../telemetry/logger.ts'
import type { Failure } from './failure.ts'

/** A failure that lasts is logged again after this long. */
const LOG_INTERVAL_MS = 60_000
/** Causes remembered; some contain words of Redis. */
const MAX_CAUSES = 50

interface OutageOptions {
  /** What fails, and what works again: fixed sentences of the log. */
  readonly failed: string
  readonly restored: string
  /** `error` if nobody but the operator can end it. Default: `warn`. */
  readonly level?: 'warn' | 'error'
  readonly fields?: Readonly<Record<string, unknown>>
}

/**
 * Whether something works, and if not, why. Logs each cause when it first occurs and once a minute while it lasts, and the
 * end.
 */
export class Outage {
  readonly #options: OutageOptions
  readonly #log: Logger
  readonly #now: () => number
  /** When each cause was last logged in this outage. */
  readonly #loggedAtMs = new Map<string, number>()
  #failure: Failure | undefined

  constructor(options: OutageOptions, log: Logger, now: () => number = () => performance.now()) {
    this.#options = options
    this.#log = log
    this.#now = now
  }

  /** The latest cause; undefined while it works. */
  get failure(): Failure | undefined {
    return this.#failure
  }

  /** Records a failure. `silently` leaves the log to the caller; `fields` are added to the line. */
  failed(failure: Failure, { silently = false, fields = {} } = {}): void {
    this.#failure = failure
    const cause = `${failure.code} ${failure.reason}`
    const loggedAtMs = this.#loggedAtMs.get(cause) ?? -Infinity
    if (silently || this.#now() - loggedAtMs < LOG_INTERVAL_MS) return
    if (this.#loggedAtMs.size >= MAX_CAUSES) this.#loggedAtMs.clear()
    this.#loggedAtMs.set(cause, this.#now())
    this.#log[this.#options.level ?? 'warn'](
      { ...this.#options.fields, ...fields, ...failure },
      this.#options.failed,
    )
  }

  ended(): void {
    if (this.#loggedAtMs.size > 0) this.#log.info({ ...this.#options.fields }, this.#options.restored)
    this.#loggedAtMs.clear()
    this.#failure = undefined
  }
}
