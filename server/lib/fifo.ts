/** Taken out items at the front of the array after which it is copied. */
const MAX_TAKEN = 1_024

/** A queue in order. `shift` of an array moves all items, and the first item of a long-lived `Set` is behind all that were deleted. */
export class Fifo<Item> {
  #items: Item[] = []
  /** How many at the front are taken out. */
  #taken = 0

  get size(): number {
    return this.#items.length - this.#taken
  }

  get first(): Item | undefined {
    return this.#items[this.#taken]
  }

  push(item: Item): void {
    this.#items.push(item)
  }

  /** Inserts an item behind all that are not after it. Quick if it belongs near the end. */
  insert(item: Item, isAfter: (other: Item) => boolean): void {
    let at = this.#items.length
    while (at > this.#taken && isAfter(this.#items[at - 1] as Item)) at--
    this.#items.splice(at, 0, item)
  }

  /** Takes out the first item. */
  shift(): Item | undefined {
    if (this.size === 0) return undefined
    const item = this.first
    this.#taken++
    if (this.#taken === this.#items.length) {
      this.#items = []
      this.#taken = 0
    } else if (this.#taken > MAX_TAKEN && this.#taken * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#taken)
      this.#taken = 0
    }
    return item
  }
}
