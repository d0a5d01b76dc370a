import { Backoff } from '../backoff.ts'
import type { MemberNotice, Notice } from '../notice.ts'
import type { NoticeListener } from './api.ts'

/** One listener of a room. It receives each notice once. If it throws, it receives the same notice again after a backoff. */
export class RoomListener {
  readonly #listener: NoticeListener
  readonly #onError: (error: unknown) => void
  readonly #backoff = new Backoff()
  /** Ends what `deliver` waits for. */
  #abandon: (() => void) | undefined
  #hasLeft = false

  constructor(listener: NoticeListener, onError: (error: unknown) => void) {
    this.#listener = listener
    this.#onError = onError
  }

  /**
   * Resolves to true once the listener has handled the notice, and to false if it left first. Never rejects. If it leaves
   * while it is running, it has until the end of this turn: a listener may well leave as the last thing it does. If it
   * handles the notice later than that, calls `onLate`.
   */
  async deliver(notice: Notice | MemberNotice, onLate: () => void): Promise<boolean> {
    while (!this.#hasLeft) {
      const call = this.#call(notice)
      // Without waiting for anything else: a listener that returned has handled the notice, even if it left meanwhile.
      const outcome = typeof call === 'string' ? call : await this.#unlessAbandoned(call)
      if (outcome === 'handled') {
        this.#backoff.succeeded()
        return true
      }
      if (outcome === 'threw') await this.#waitToRetry()
      else void Promise.resolve(call).then((late) => late === 'handled' && onLate())
    }
    return false
  }

  leave(): void {
    this.#hasLeft = true
    if (this.#abandon !== undefined) setTimeout(this.#abandon)
  }

  #call(notice: Notice | MemberNotice): 'handled' | 'threw' | Promise<'handled' | 'threw'> {
    const threw = (error: unknown): 'threw' => {
      this.#onError(error)
      return 'threw'
    }
    try {
      const returned = this.#listener(notice)
      if (!isThenable(returned)) return 'handled'
      return Promise.resolve(returned).then(() => 'handled', threw)
    } catch (error) {
      return threw(error)
    }
  }

  #unlessAbandoned<Outcome>(work: Promise<Outcome>): Promise<Outcome | 'abandoned'> {
    return new Promise((resolve) => {
      this.#abandon = () => resolve('abandoned')
      if (this.#hasLeft) setTimeout(this.#abandon)
      void work.then(resolve)
    })
  }

  #waitToRetry(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#hasLeft) return resolve()
      const timer = setTimeout(resolve, this.#backoff.nextMs())
      this.#abandon = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
  typeof (value as { readonly then?: unknown }).then === 'function'

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
