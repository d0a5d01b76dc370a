import { reasonOf } from '../../../shared/errors.ts'
import type { Recall } from '../../../shared/recall.ts'
import type { Published } from '../broker.ts'

/** Publishes recalls, and remembers how it went. */
export class Attempts {
  readonly #publish: (recall: Recall) => Promise<Published>
  #stored = 0
  /** Why the broker last refused a recall. */
  lastError: unknown

  constructor(publish: (recall: Recall) => Promise<Published>) {
    this.#publish = publish
  }

  /** How many recalls the broker has stored that were new to it. */
  get stored(): number {
    return this.#stored
  }

  /** `lastError` in one sentence, for the log: a stack of the client library tells an operator nothing. */
  get lastReason(): string | undefined {
    return this.lastError === undefined ? undefined : reasonOf(this.lastError)
  }

  /** Records a recall that was published elsewhere. */
  noteStored({ duplicate }: Published): void {
    if (!duplicate) this.#stored++
  }

  /** Never rejects. Resolves to whether the broker confirmed the recall. */
  async publish(recall: Recall): Promise<boolean> {
    try {
      this.noteStored(await this.#publish(recall))
      return true
    } catch (error) {
      this.lastError = error
      return false
    }
  }
}
