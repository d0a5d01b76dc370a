import type { MemberNotice, Notice } from '../notice.ts'
import { Backoff } from '../backoff.ts'
import type { NoticeListener } from './api.ts'

/** Who wants to hear of what; one that throws does not keep the others from hearing. */
export class Emitter<Events extends Record<keyof Events, unknown>> {
  readonly #byEvent = new Map<keyof Events, Set<(value: never) => void>>()

  /** Answers how to stop. */
  on<Name extends keyof Events>(event: Name, listener: (value: Events[Name]) => void): () => void {
    const listeners = this.#byEvent.get(event) ?? new Set()
    this.#byEvent.set(event, listeners.add(listener))
    return () => void listeners.delete(listener)
  }

  emit<Name extends keyof Events>(event: Name, value: Events[Name]): void {
    for (const listener of this.#byEvent.get(event) ?? []) {
      try {
        ;(listener as (value: Events[Name]) => void)(value)
      } catch (error) {
        // Not ours to handle, and not to be swallowed either.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}

/** One listener of a room, which gets each notice once: again only while it throws, and then later. */
export class RoomListener {
  readonly #listener: NoticeListener
  readonly #onError: (error: unknown) => void
  readonly #backOff = new Backoff()
  #retry: { readonly timer: ReturnType<typeof setTimeout>; readonly goOn: () => void } | undefined
  #hasLeft = false

  constructor(listener: NoticeListener, onError: (error: unknown) => void) {
    this.#listener = listener
    this.#onError = onError
  }

  /** Resolves once the listener has returned, or has left. Never rejects. */
  async deliver(notice: Notice | MemberNotice): Promise<void> {
    while (!this.#hasLeft) {
      try {
        await this.#listener(notice)
        this.#backOff.succeeded()
        return
      } catch (error) {
        this.#onError(error)
        await this.#wait()
      }
    }
  }

  leave(): void {
    this.#hasLeft = true
    clearTimeout(this.#retry?.timer)
    this.#retry?.goOn()
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#hasLeft) return resolve()
      this.#retry = { timer: setTimeout(resolve, this.#backOff.nextMs()), goOn: resolve }
    })
  }
}
