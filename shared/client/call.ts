import type { Position } from '../position.ts'
import { isThenable } from './attempts.ts'

/** How long a call that has subscribed anew itself may take before its notice counts as unfinished. */
const GRACE_MS = 1_000

/** One call of a listener, with the notice before `position`. */
export class Call {
  readonly position: Position
  #isOnStack = true
  #outcome: 'returned' | 'failed' | undefined
  readonly #waiting = new Set<() => void>()

  constructor(position: Position) {
    this.position = position
  }

  get isPending(): boolean {
    return this.#outcome === undefined
  }

  /** Whether the listener has not even returned a promise. */
  get isOnStack(): boolean {
    return this.#isOnStack
  }

  /** Calls the listener. Returns its promise, or throws what it throws. */
  run(listener: () => unknown): unknown {
    try {
      const returned = listener()
      if (!isThenable(returned)) return this.#end('returned')
      const promise = Promise.resolve(returned)
      promise.then(
        () => this.#end('returned'),
        () => this.#end('failed'),
      )
      return promise
    } catch (error) {
      this.#end('failed')
      throw error
    } finally {
      this.#isOnStack = false
    }
  }

  #end(outcome: 'returned' | 'failed'): void {
    this.#outcome = outcome
    for (const resolve of this.#waiting) resolve()
  }

  /** Resolves to whether it returns, and its promise resolves, in so many ms. */
  async returns(withinMs: number): Promise<boolean> {
    if (this.isPending) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, withinMs)
        this.#waiting.add(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
    return this.#outcome === 'returned'
  }
}

/**
 * A listener that subscribes anew while it handles a notice has that notice in hand: if it returns, the new listener does not
 * receive it. Made inside the call, the new listener waits a moment for it; made while its promise is pending, only until the
 * end of this turn: an application that leaves and subscribes again for reasons of its own does not wait for old work.
 */
export interface Handover {
  readonly call: Call
  readonly withinMs: number
}

export const handoverOf = (call: Call): Handover => ({ call, withinMs: call.isOnStack ? GRACE_MS : 0 })
