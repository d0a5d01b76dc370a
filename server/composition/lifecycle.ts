import type { Logger } from '../telemetry/logger.ts'

type Stop = () => Promise<void>

/** The parts that have started, to be stopped in reverse order. */
export class Lifecycle {
  readonly #started: { readonly name: string; readonly stop: Stop }[] = []
  readonly #log: Logger
  #stopping: Promise<void> | undefined

  constructor(log: Logger) {
    this.#log = log
  }

  get isStopping(): boolean {
    return this.#stopping !== undefined
  }

  onStop(name: string, stop: Stop): void {
    this.#started.push({ name, stop })
  }

  /** Stops one part after another. A second call returns the promise of the first. Never rejects. */
  stop(): Promise<void> {
    return (this.#stopping ??= this.#stopAll())
  }

  async #stopAll(): Promise<void> {
    for (const { name, stop } of this.#started.toReversed()) {
      await stop().catch((err: unknown) => this.#log.error({ err, part: name }, 'part did not stop cleanly'))
    }
  }
}
