import { Backoff } from '../backoff.ts'
import type { MemberNotice, Notice } from '../notice.ts'
import type { NoticeListener } from './api.ts'

/** One listener of a room. It receives each notice once. If it throws, it receives the same notice again after a backoff. */
export class RoomListener {
  readonly #listener: NoticeListener
  readonly #onError: (error: unknown) => void
  readonly #backoff = new Backoff()
  #retry: { readonly timer: ReturnType<typeof setTimeout>; readonly resolve: () => void } | undefined
  #hasLeft = false

  constructor(listener: NoticeListener, onError: (error: unknown) => void) {
    this.#listener = listener
    this.#onError = onError
  }

  /** Resolves once the listener has handled the notice, or has left. Never rejects. */
  async deliver(notice: Notice | MemberNotice): Promise<void> {
    while (!this.#hasLeft) {
      try {
        await this.#listener(notice)
        this.#backoff.succeeded()
        return
      } catch (error) {
        this.#onError(error)
        await this.#waitToRetry()
      }
    }
  }

  leave(): void {
    this.#hasLeft = true
    clearTimeout(this.#retry?.timer)
    this.#retry?.resolve()
  }

  #waitToRetry(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#hasLeft) return resolve()
      this.#retry = { timer: setTimeout(resolve, this.#backoff.nextMs()), resolve }
    })
  }
}

/** Typed events. A listener that throws does not keep the others from being called. */
export class Emitter<Events extends Record<keyof Events, unknown>> {
  readonly #byEvent = new Map<keyof Events, Set<(value: never) => void>>()

  /** Returns a function that removes the listener. */
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
        // The application's bug: surfaces as an uncaught error, after the other listeners were called.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
