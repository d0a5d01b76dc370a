import type { Recall } from '../../../shared/recall.ts'
import { roomName } from '../../../shared/room.ts'
import { FIRST_RETRY_MS, RefusalCount } from './refusal-count.ts'
import type { Spooled } from './spool.ts'

export type Readable = Spooled & { readonly recall: Recall }

/** Recalls of one conversation that wait until the first of them can be stored. */
interface Waiting {
  /** Oldest first. */
  readonly recalls: Readable[]
  /** Of the first one. */
  readonly refusals: RefusalCount
  /** A recall of this conversation was given up: the next ones get one try each. */
  hasGivenUp: boolean
}

/**
 * Conversations whose recalls the broker refuses while it stores others. They wait apart, in order, so that all others pass. Times
 * are those of `performance.now()`.
 */
export class SuspendedConversations {
  readonly #byName = new Map<string, Waiting>()
  readonly #keys = new Set<number>()

  /** Returns how many recalls wait. */
  get size(): number {
    return this.#keys.size
  }

  has(recall: Recall): boolean {
    return this.#byName.size > 0 && this.#byName.has(roomName(recall))
  }

  holds = (key: number): boolean => this.#keys.has(key)

  /** Suspends the conversation of this recall if it is not yet, and adds the recall. */
  add(entry: Readable, stored: number, nowMs: number): void {
    const name = roomName(entry.recall)
    const waiting = this.#byName.get(name) ?? {
      recalls: [],
      refusals: new RefusalCount(stored, nowMs),
      hasGivenUp: false,
    }
    waiting.recalls.push(entry)
    this.#byName.set(name, waiting)
    this.#keys.add(entry.key)
  }

  /** Returns the first recall of each conversation that is due for another try. */
  due(nowMs: number): Readable[] {
    return [...this.#byName.values()].flatMap(({ refusals, recalls }) =>
      refusals.nextTryMs <= nowMs ? recalls.slice(0, 1) : [],
    )
  }

  /** Returns how long until the next try, in ms; Infinity without any. */
  waitMs(nowMs: number): number {
    const next = Math.min(...[...this.#byName.values()].map(({ refusals }) => refusals.nextTryMs))
    return Math.max(0, next - nowMs)
  }

  /** Records a failed try of the first recall of a conversation. Returns whether to give it up. */
  failed(entry: Spooled, stored: number, nowMs: number): boolean {
    const waiting = this.#waitingWith(entry)
    if (waiting === undefined) return false
    const givesUp = waiting.refusals.refused(stored, nowMs, waiting.hasGivenUp ? 1 : undefined)
    if (givesUp) waiting.hasGivenUp = true
    return givesUp
  }

  /** Removes the first recall of a conversation, which was stored or given up. The next one is due, or soon. */
  remove(entry: Spooled, outcome: 'stored' | 'given-up', nowMs: number): void {
    this.#keys.delete(entry.key)
    const waiting = this.#waitingWith(entry)
    if (waiting === undefined || entry.recall === undefined) return
    waiting.recalls.shift()
    // Only a failure after another recall was stored counts.
    waiting.refusals.startOver(outcome === 'stored' ? nowMs : nowMs + FIRST_RETRY_MS)
    if (outcome === 'stored') waiting.hasGivenUp = false
    if (waiting.recalls.length === 0) this.#byName.delete(roomName(entry.recall))
  }

  #waitingWith({ recall }: Spooled): Waiting | undefined {
    return recall && this.#byName.get(roomName(recall))
  }
}
