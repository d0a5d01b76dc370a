/** Who wants to hear of what; one that throws does not keep the others from hearing. */
export class Listeners<Events extends Record<keyof Events, unknown>> {
  readonly #byEvent = new Map<keyof Events, Set<(value: never) => void>>()

  /** Answers how to stop. */
  on<Name extends keyof Events>(event: Name, listener: (value: Events[Name]) => void): () => void {
    const listeners = this.#byEvent.get(event) ?? new Set()
    this.#byEvent.set(event, listeners.add(listener))
    return () => void listeners.delete(listener)
  }

  tell<Name extends keyof Events>(event: Name, value: Events[Name]): void {
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
