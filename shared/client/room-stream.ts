import { mergeInOrder } from '../position.ts'
import type { Position } from '../position.ts'
import type { NoticeBatch } from '../protocol.ts'
import type { Item } from './listener-queue.ts'
import type { RoomListener } from './room-listener.ts'

/** What the node sends of a room: in one subscription, and up to where in all of them. */
export class RoomStream {
  /** The offset at which recovery is complete. Undefined while not subscribed. */
  #end: number | undefined
  /** After the last notice that any listener has taken; undefined before the first response. */
  #latest: Position | undefined

  get isOpen(): boolean {
    return this.#end !== undefined
  }

  /** The room's position, as far as the client knows it. */
  get latest(): Position | undefined {
    return this.#latest
  }

  /** A subscription begins at `from`, and has recovered at the offset `to`. */
  open(from: Position, to: number): void {
    this.#end = to
    if (this.#latest?.epoch !== from.epoch || this.#latest.offset < from.offset) this.#latest = from
  }

  /** Whatever was before, it continues at a position. */
  skipTo(position: Position): void {
    this.#end = position.offset
    this.#latest = position
  }

  end(): void {
    this.#end = undefined
  }

  /** Whether a listener has received everything that it missed, and everything since. Not if no node knows where it began. */
  hasAllBeenTakenBy({ taken, isFull, isProved }: RoomListener): boolean {
    const latest = this.#latest
    if (
      this.#end === undefined ||
      isFull ||
      !isProved ||
      latest === undefined ||
      taken?.epoch !== latest.epoch
    )
      return false
    return taken.offset >= Math.max(this.#end, latest.offset)
  }

  /**
   * Gives each listener what follows its own place. Returns whether something is missing for one. A place that no node has confirmed
   * is not kept: told now, and left or killed before the response, the listener would be told the same again.
   */
  give({ epoch, notices }: NoticeBatch, takers: readonly RoomListener[]): boolean {
    let hasHole = false
    let after = -1
    let items: readonly Item[] = []
    // Before any of them takes something: the others would be behind it.
    const late = new Set(takers.filter((listener) => !this.hasAllBeenTakenBy(listener)))
    for (const listener of takers) {
      const { taken, isProved } = listener
      if (taken === undefined || !isProved) continue
      if (taken.epoch !== epoch) {
        hasHole = true
        continue
      }
      // Mostly, all of them are at the same place.
      if (taken.offset !== after) {
        after = taken.offset
        const { run, hole } = mergeInOrder(after, notices)
        if (hole) hasHole = true
        items = run.map((notice) => ({ position: { epoch, offset: notice.offset }, notice }))
      }
      for (const item of items) listener.take(item, late.has(listener))
      const last = items[items.length - 1]
      if (last !== undefined) this.#advance(last.position)
    }
    return hasHole
  }

  #advance(position: Position): void {
    const latest = this.#latest
    if (latest?.epoch === position.epoch && position.offset > latest.offset) this.#latest = position
  }

  /** Where the next subscription begins: at the least place of these listeners, unless a node has yet to confirm one. */
  nextStart(takers: readonly RoomListener[]): Position | undefined {
    const unproved = takers.find(({ isProved, taken }) => !isProved && taken !== undefined)
    if (unproved !== undefined) return unproved.taken
    const isOther = ({ epoch }: Position): number => Number(epoch !== this.#latest?.epoch)
    // Whoever is not in the room's epoch receives a gap anyway.
    const [least] = takers
      .flatMap(({ taken }) => taken ?? [])
      .sort((one, other) => isOther(one) - isOther(other) || one.offset - other.offset)
    return least
  }
}
