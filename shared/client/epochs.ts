import type { Position } from '../position.ts'

/** Orders the positions of one room. Epochs have no order of their own: the one that was heard of later is the later one. */
export class Epochs {
  readonly #known: string[] = []

  /** Whether `one` is after `other`. Everything is after nothing. */
  isAfter(one: Position, other: Position | undefined): boolean {
    if (other === undefined) return true
    if (one.epoch === other.epoch) return one.offset > other.offset
    // In this order: of two unknown ones, `other` was there before.
    const before = this.#indexOf(other.epoch)
    return this.#indexOf(one.epoch) > before
  }

  /** The first of them; undefined if there are none. */
  least(positions: Iterable<Position>): Position | undefined {
    let least: Position | undefined
    for (const position of positions)
      if (least === undefined || this.isAfter(least, position)) least = position
    return least
  }

  #indexOf(epoch: string): number {
    const index = this.#known.indexOf(epoch)
    return index === -1 ? this.#known.push(epoch) - 1 : index
  }
}
