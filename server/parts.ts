import type { Logger } from './telemetry/logger.ts'

type Stop = () => Promise<void>

/** What was started, to be stopped in the reverse order. */
export class Parts {
  readonly #started: { readonly name: string; readonly stop: Stop }[] = []
  readonly #log: Logger
  #stopping: Promise<void> | undefined

  constructor(log: Logger) {
    this.#log = log
  }

  add(name: string, stop: Stop): void {
    this.#started.push({ name, stop })
  }

  get isStopping(): boolean {
    return this.#stopping !== undefined
  }

  /** Stops each part after the other. A second call gets the promise of the first. Never rejects. */
  stop(): Promise<void> {
    return (this.#stopping ??= this.#stopAll())
  }

  async #stopAll(): Promise<void> {
    for (const { name, stop } of this.#started.toReversed()) {
      await stop().catch((err: unknown) => this.#log.error({ err, part: name }, 'part did not stop cleanly'))
    }
  }
}
