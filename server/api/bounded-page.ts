/** Collects items until there are enough, or as much as fits into a response. */
export class BoundedPage<Item> {
  readonly all: Item[] = []
  readonly #limit: number
  readonly #maxBytes: number
  #bytes = 0
  #isOver = false

  constructor(limit: number, maxBytes: number) {
    this.#limit = limit
    this.#maxBytes = maxBytes
  }

  get isFull(): boolean {
    return this.#isOver || this.all.length >= this.#limit
  }

  /** Returns whether the item fitted, and was added. The first one always fits: a recall can take 75 KiB. */
  add(item: Item): boolean {
    if (this.isFull) return false
    this.#bytes += Buffer.byteLength(JSON.stringify(item))
    this.#isOver = this.#bytes > this.#maxBytes && this.all.length > 0
    if (!this.#isOver) this.all.push(item)
    return !this.#isOver
  }
}
