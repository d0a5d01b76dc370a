interface TurnsOptions {
  /** How much of one turn of the event loop the work may take. */
  readonly sliceMs: number
  readonly maxWaiting: number
  /** Of what the work that waits holds in memory. Default: unbounded. */
  readonly maxBytes?: number
}

interface Waiting {
  readonly work: () => void
  readonly bytes: number
}

/**
 * Work that may wait: it is done in order, in slices of a few milliseconds. What has arrived meanwhile, webhooks above all, is
 * served between two slices.
 */
export class Turns {
  readonly #options: TurnsOptions
  readonly #waiting: Waiting[] = []
  #bytes = 0
  #next: NodeJS.Immediate | undefined
  #isStopped = false

  constructor(options: TurnsOptions) {
    this.#options = options
  }

  /** Does the work, which must not throw, when it is its turn. Returns false if too much waits already, or after `stop`. */
  take(work: () => void, bytes = 0): boolean {
    const { maxWaiting, maxBytes = Infinity } = this.#options
    if (this.#isStopped || this.#waiting.length >= maxWaiting || this.#bytes + bytes > maxBytes) return false
    this.#waiting.push({ work, bytes })
    this.#bytes += bytes
    this.#next ??= setImmediate(() => this.#doSome())
    return true
  }

  /** Does at once what waits: it finds out by itself that the process stops. */
  stop(): void {
    this.#isStopped = true
    clearImmediate(this.#next)
    for (const { work } of this.#waiting.splice(0)) work()
  }

  #doSome(): void {
    this.#next = undefined
    const endsAtMs = performance.now() + this.#options.sliceMs
    do {
      const next = this.#waiting.shift()
      if (next === undefined) break
      this.#bytes -= next.bytes
      next.work()
    } while (performance.now() < endsAtMs)
    if (this.#waiting.length > 0) this.#next ??= setImmediate(() => this.#doSome())
  }
}
