type Listener<Value> = (value: Value) => unknown

/** What to do with an event that nobody listens to. */
type Fallbacks<Events> = { readonly [Name in keyof Events]?: (value: Events[Name]) => void }

/** Typed events. A listener that throws does not keep the others from being called. */
export class Emitter<Events extends Record<keyof Events, unknown>> {
  /** Each listener with its registrations. */
  readonly #byEvent = new Map<keyof Events, Map<Listener<never>, Set<symbol>>>()
  readonly #fallbacks: Fallbacks<Events>

  constructor(fallbacks: Fallbacks<Events> = {}) {
    this.#fallbacks = fallbacks
  }

  /**
   * Returns a function that removes this registration, and no other. A listener that was registered more than once is called
   * once for each event, until all of them are removed.
   */
  on<Name extends keyof Events>(event: Name, listener: Listener<Events[Name]>): () => void {
    const listeners = this.#byEvent.get(event) ?? new Map<Listener<never>, Set<symbol>>()
    const registrations = listeners.get(listener) ?? new Set()
    const registration = Symbol()
    this.#byEvent.set(event, listeners.set(listener, registrations.add(registration)))
    return () => {
      if (registrations.delete(registration) && registrations.size === 0) listeners.delete(listener)
    }
  }

  /** Those that listen to the event now. */
  listeners<Name extends keyof Events>(event: Name): readonly Listener<Events[Name]>[] {
    return [...(this.#byEvent.get(event)?.keys() ?? [])] as Listener<Events[Name]>[]
  }

  /** Removes every listener. */
  clear(): void {
    for (const listeners of this.#byEvent.values()) listeners.clear()
  }

  /** Calls those that listen now, unless one before them has removed them. */
  emit<Name extends keyof Events>(event: Name, value: Events[Name]): void {
    const listeners = this.listeners(event)
    if (listeners.length === 0) this.#fallbacks[event]?.(value)
    for (const listener of listeners) {
      if (this.#byEvent.get(event)?.has(listener) !== true) continue
      try {
        listener(value)
      } catch (error) {
        // The application's bug: surfaces as an uncaught error, after the other listeners were called.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
