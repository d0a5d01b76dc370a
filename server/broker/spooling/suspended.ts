import type { Recall } from '../../../shared/recall.ts'
import { roomName } from '../../../shared/room.ts'
import { fullJitterMs } from '../../../shared/backoff.ts'
import type { Spooled } from './spool.ts'

/** Failed tries after which a recall is given up, if the broker stored another recall before each of them. */
const MAX_TRIES = 5
const FIRST_DELAY_MS = 100
/** Soon, because most failures are those of a broker that can store nothing, and is back at any time. */
const MAX_DELAY_MS = 2_000

export type Readable = Spooled & { readonly recall: Recall }

/** Recalls of one conversation that wait until the first of them can be stored. */
interface Waiting {
  /** Oldest first. */
  readonly recalls: Readable[]
  /** Failed tries of the first one that count. */
  tries: number
  /** Failed tries since the last success, for the delay. */
  failures: number
  nextTryMs: number
  /** How many recalls the broker had stored at the last failure. */
  storedBefore: number
  /** A recall of this conversation was given up: the next ones get one try each. */
  hasGivenUp: boolean
}

/**
 * Conversations whose recalls the broker refuses while it stores others, for example because of what somebody wrote to its
 * keys. They wait apart, in order, so that all others pass. A failed try counts against a recall only if the broker has
 * stored another one since the try before: an unavailable broker stores none. Times are those of `performance.now()`.
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
      tries: 0,
      failures: 0,
      nextTryMs: nowMs,
      storedBefore: stored,
      hasGivenUp: false,
    }
    waiting.recalls.push(entry)
    this.#byName.set(name, waiting)
    this.#keys.add(entry.key)
  }

  /** Returns the first recall of each conversation that is due for another try. */
  due(nowMs: number): Readable[] {
    return [...this.#byName.values()].flatMap(({ nextTryMs, recalls }) =>
      nextTryMs <= nowMs ? recalls.slice(0, 1) : [],
    )
  }

  /** Returns how long until the next try, in ms; Infinity without any. */
  waitMs(nowMs: number): number {
    const next = Math.min(...[...this.#byName.values()].map(({ nextTryMs }) => nextTryMs))
    return Math.max(0, next - nowMs)
  }

  /** Records a failed try of the first recall of a conversation. Returns whether to give it up. */
  failed(entry: Spooled, stored: number, nowMs: number): boolean {
    const waiting = this.#waitingWith(entry)
    if (waiting === undefined) return false
    if (stored > waiting.storedBefore) waiting.tries++
    waiting.storedBefore = stored
    waiting.failures++
    waiting.nextTryMs =
      nowMs + fullJitterMs(waiting.failures, { baseMs: FIRST_DELAY_MS, maxMs: MAX_DELAY_MS })
    const givesUp = waiting.tries >= (waiting.hasGivenUp ? 1 : MAX_TRIES)
    if (givesUp) waiting.hasGivenUp = true
    return givesUp
  }

  /** Removes the first recall of a conversation, which was stored or given up. The next one is due, or soon. */
  remove(entry: Spooled, outcome: 'stored' | 'given-up', nowMs: number): void {
    this.#keys.delete(entry.key)
    const waiting = this.#waitingWith(entry)
    if (waiting === undefined || entry.recall === undefined) return
    waiting.recalls.shift()
    waiting.tries = 0
    waiting.failures = 0
    // Only a failure after another recall was stored counts.
    waiting.nextTryMs = outcome === 'stored' ? nowMs : nowMs + FIRST_DELAY_MS
    if (outcome === 'stored') waiting.hasGivenUp = false
    if (waiting.recalls.length === 0) this.#byName.delete(roomName(entry.recall))
  }

  #waitingWith({ recall }: Spooled): Waiting | undefined {
    return recall && this.#byName.get(roomName(recall))
  }
}
