import type { Broker } from '../../broker/broker.ts'
import type { Excerpt, LogPart } from '../../broker/log-reading.ts'
import { Fifo } from '../../lib/fifo.ts'
import type { ReadLane } from './read-lane.ts'

/** A call of so many takes the store about half a millisecond. */
const MAX_ROOMS_PER_CALL = 32
/** In one call: a room knows up to 100 entries of its log, and an entry takes up to 100 kB. */
const MAX_ENTRIES_PER_CALL = 100
/** Enough to keep the store busy while this process looks at what it has read. */
const MAX_CALLS = 4

/** A room that wants to see a part of its log. None of its methods throws. */
export interface Checked {
  /** Returns what to read; undefined if that is not necessary any more. Called once for each `add`, when it is its turn. */
  wanted(): LogPart | undefined
  /** Receives what was read of this part. */
  onExcerpt(part: LogPart, excerpt: Excerpt): void
  /** It alone cannot be read together with others. */
  onUnreadable(): void
}

/**
 * Reads parts of many logs together. After an interruption all rooms of a node must compare themselves with their logs, and there
 * may be 100,000, most of which have missed nothing: one call tells 32 of them so. The calls take turns with all other reads, in
 * the lane. What fails is asked again with half as many rooms, until the store is up to it, and then with one more
 * each time.
 */
export class JointChecks {
  readonly #broker: Pick<Broker, 'excerpts'>
  readonly #lane: ReadLane
  readonly #waiting = new Fifo<Checked>()
  #calls = 0
  #roomsPerCall = MAX_ROOMS_PER_CALL

  constructor(broker: Pick<Broker, 'excerpts'>, lane: ReadLane) {
    this.#broker = broker
    this.#lane = lane
  }

  add(room: Checked): void {
    this.#waiting.push(room)
    if (this.#calls < MAX_CALLS) void this.#work()
  }

  async #work(): Promise<void> {
    this.#calls++
    const caller = {}
    // The lane logs failures, and delays what follows.
    while (this.#waiting.size > 0)
      await this.#lane.run(caller, () => this.#checkSome()).catch(() => undefined)
    this.#calls--
  }

  async #checkSome(): Promise<void> {
    const some = this.#takeSome()
    if (some.length === 0) return
    try {
      const excerpts = await this.#broker.excerpts(some.map(({ part }) => part))
      for (const [i, { room, part }] of some.entries()) {
        const excerpt = excerpts[i]
        if (excerpt === undefined) room.onUnreadable()
        else room.onExcerpt(part, excerpt)
      }
      this.#roomsPerCall = Math.min(this.#roomsPerCall + 1, MAX_ROOMS_PER_CALL)
    } catch (error) {
      this.#roomsPerCall = Math.max(1, Math.ceil(some.length / 2))
      for (const { room } of some) {
        if (some.length === 1) room.onUnreadable()
        else this.#waiting.push(room)
      }
      throw error
    }
  }

  #takeSome(): { readonly room: Checked; readonly part: LogPart }[] {
    const some = []
    for (let entries = 0; some.length < this.#roomsPerCall && entries < MAX_ENTRIES_PER_CALL;) {
      const room = this.#waiting.shift()
      if (room === undefined) break
      const part = room.wanted()
      if (part === undefined) continue
      entries += Math.max(0, part.last - part.first + 1)
      some.push({ room, part })
    }
    return some
  }
}
