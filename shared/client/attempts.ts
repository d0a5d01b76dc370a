import { Backoff } from '../backoff.ts'

/** An attempt that failed. */
export interface Failure {
  readonly error: unknown
  /** 1, 2, 3 … */
  readonly attempt: number
  readonly retryInMs: number
  /** Counts it as done. */
  readonly skip: () => void
}

interface AttemptsOptions {
  /** Done once it has returned, and any promise it returned has resolved. */
  readonly run: () => unknown
  readonly onFailed: (failure: Failure) => void
  /** Called once, in the turn in which `run` returns or its promise resolves, unless it was cancelled before. */
  readonly onDone: () => void
}

/** Calls a function of the application until it succeeds, spaced by a backoff. */
export class Attempts {
  readonly #options: AttemptsOptions
  readonly #backoff = new Backoff()
  #timer: ReturnType<typeof setTimeout> | undefined
  #attempt = 0
  #isOver = false

  constructor(options: AttemptsOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer = undefined
    const attempt = ++this.#attempt
    const succeeded = (): void => {
      if (attempt === this.#attempt) this.#finish()
    }
    const failed = (error: unknown): void => {
      if (attempt === this.#attempt) this.#retryLater(error)
    }
    try {
      const returned = this.#options.run()
      if (isThenable(returned)) void Promise.resolve(returned).then(succeeded, failed)
      else succeeded()
    } catch (error) {
      failed(error)
    }
  }

  /** If it waits for the next attempt: makes it now. What made it fail is most likely over, so another failure is a first one. */
  retryNow(): void {
    if (this.#timer === undefined) return
    clearTimeout(this.#timer)
    this.#backoff.succeeded()
    this.start()
  }

  /** Whatever is running counts no more. */
  cancel(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #retryLater(error: unknown): void {
    if (this.#isOver) return
    const retryInMs = this.#backoff.nextMs()
    this.#timer = setTimeout(() => this.start(), retryInMs)
    this.#options.onFailed({ error, attempt: this.#attempt, retryInMs, skip: () => this.#finish() })
  }

  #finish(): void {
    if (this.#isOver) return
    this.cancel()
    this.#options.onDone()
  }
}

export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function'
