import type { Position } from '../position.ts'

/**
 * The epoch of places in a log that went back, and of those that a node does not know: no log has it, so a node answers them with a
 * gap.
 */
const GONE = 'gone'

/**
 * Orders the positions of one room. Epochs have no order of their own: the one that was heard of later is the later one. What was not
 * heard of is earlier than all.
 */
export class Epochs {
  #known: readonly string[] = []

  /** Returns whether another epoch was heard of since. */
  hear(epoch: string): boolean {
    const index = this.#known.indexOf(epoch)
    if (index < 0 && epoch !== GONE) this.renew(epoch)
    return index >= 0 && index < this.#known.length - 1
  }

  /** The log has this epoch again: it is the latest. */
  renew(epoch: string): void {
    this.#known = [...this.#known.filter((known) => known !== epoch), epoch]
  }

  /** Whether `one` is after `other`. Everything is after nothing. */
  isAfter(one: Position, other: Position | undefined): boolean {
    if (other === undefined) return true
    if (one.epoch === other.epoch) return one.offset > other.offset
    return this.#known.indexOf(one.epoch) > this.#known.indexOf(other.epoch)
  }

  /** The first of them; undefined if there are none. */
  least(positions: Iterable<Position>): Position | undefined {
    let least: Position | undefined
    for (const position of positions)
      if (least === undefined || this.isAfter(least, position)) least = position
    return least
  }
}

/** The log of this epoch went back: what was known of it is about notices that may be others now. */
export const goneIf = <Place extends Position | undefined>(epoch: string, place: Place): Place =>
  place?.epoch === epoch ? { ...place, epoch: GONE } : place
