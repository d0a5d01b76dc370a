import { labelOf } from '../commands/known-commands.ts'
import { CircuitBreaker } from './circuit-breaker.ts'
import type { Attempt } from './relayed-request.ts'

/**
 * Decides from what became of attempts whether others are worth their time. A backend that cannot be reached is down for all. One
 * command that is always late is slow by itself, and only others that are late too make it a sign of the backend.
 */
export class BackendHealth {
  readonly #backend = new CircuitBreaker()
  /** By label, so that there are only so many. */
  readonly #commands = new Map<string, CircuitBreaker>()
  /** The commands that were late since the last answer. */
  readonly #late = new Set<string>()

  get isDown(): boolean {
    return this.#backend.isOpen
  }

  /** Whether a request may be sent. What came of it has to be reported. */
  admits(command: string, nowMs = performance.now()): boolean {
    const own = this.#commands.get(labelOf(command))
    if (own !== undefined && !own.wouldAdmit(nowMs)) return false
    if (!this.#backend.admits(nowMs)) return false
    return own?.admits(nowMs) ?? true
  }

  /** Returns whether the backend was down, and is not any more. */
  report(
    command: string,
    attempt: Attempt & { readonly isLate?: boolean },
    nowMs = performance.now(),
  ): boolean {
    const label = labelOf(command)
    if (isAlive(attempt)) {
      this.#late.clear()
      this.#commands.delete(label)
      return this.#backend.succeeded()
    }
    if (attempt.isLate === true) {
      this.#late.add(label)
      const own = this.#commands.get(label) ?? new CircuitBreaker()
      this.#commands.set(label, own)
      own.failed(nowMs)
      if (this.#late.size < 2) return false
    }
    this.#backend.failed(nowMs)
    return false
  }
}

/** What a proxy answers for a backend that is down, or what asks to be left alone. */
const DOWN_STATUSES: readonly unknown[] = [429, 502, 503, 504]

const isAlive = (attempt: Attempt): boolean =>
  attempt.kind === 'answered' || (attempt.status !== undefined && !DOWN_STATUSES.includes(attempt.status))
