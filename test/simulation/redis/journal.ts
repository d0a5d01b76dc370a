/** How many writes can be forgotten at least. */
const CAPACITY = 2_000

/**
 * Remembers how to undo the latest writes. A write is what one command, one script or one transaction changed, as replicas and
 * the append-only file get it: whole or not at all.
 */
export class Journal {
  #position = 0
  #current: (() => void)[] = []
  readonly #writes: (readonly (() => void)[])[] = []

  /** Counts the writes that have not been undone. */
  get position(): number {
    return this.#position
  }

  /** Notes how to undo a part of the current write. */
  record(undo: () => void): void {
    this.#current.push(undo)
  }

  /** Ends the current write. Returns whether anything was written. */
  commit(): boolean {
    if (this.#current.length === 0) return false
    this.#writes.push(this.#current)
    this.#current = []
    this.#position++
    if (this.#writes.length >= 2 * CAPACITY) this.#writes.splice(0, this.#writes.length - CAPACITY)
    return true
  }

  /** Undoes the latest writes until this position is reached. Throws if that is further back than is remembered. */
  rollBackTo(position: number): void {
    while (this.#position > position) {
      const write = this.#writes.pop()
      if (write === undefined) throw new Error(`cannot roll back to ${position}, only to ${this.#position}`)
      for (const undo of write.toReversed()) undo()
      this.#position--
    }
    this.#current = []
  }

  /** Forgets how to undo anything, after the data were replaced as a whole. */
  reset(position: number): void {
    this.#writes.length = 0
    this.#current = []
    this.#position = position
  }
}
