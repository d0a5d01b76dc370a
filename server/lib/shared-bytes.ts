/** Something in memory that may wait for many peers, and is there once. */
export interface SharedBytes {
  readonly bytes: number
  /** The count in which it was found last, and how many it waited for then. */
  count: number
  holders: number
}

let counts = 0

/** One count of what waits: what is shared counts once. */
export class WaitingCount {
  readonly #id = ++counts
  readonly #counted = new Set<object>()
  /** All that is shared. */
  sharedBytes = 0

  /** Something waits for one more peer. */
  add(shared: SharedBytes): void {
    if (shared.count !== this.#id) {
      shared.count = this.#id
      shared.holders = 0
      this.sharedBytes += shared.bytes
    }
    shared.holders++
  }

  /** The same for something that few peers hold. */
  addOnce(thing: object, bytes: number): void {
    if (this.#counted.has(thing)) return
    this.#counted.add(thing)
    this.sharedBytes += bytes
  }
}

/** The part of it that one of its holders counts for, in the latest count. */
export const shareOf = ({ bytes, holders }: SharedBytes): number => bytes / Math.max(1, holders)
