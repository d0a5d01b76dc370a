/** Items that wait, each under a key. Keys take turns, and the items of one key stay in their order. */
export class RoundRobin<Item> {
  /** In the order in which keys take turns. Without empty queues. */
  readonly #queues = new Map<string, Item[]>()
  #size = 0

  get size(): number {
    return this.#size
  }

  sizeOf(key: string): number {
    return this.#queues.get(key)?.length ?? 0
  }

  push(key: string, item: Item): void {
    const queue = this.#queues.get(key)
    if (queue === undefined) this.#queues.set(key, [item])
    else queue.push(item)
    this.#size++
  }

  /** Takes out the first item of the key whose turn it is; undefined if nothing waits. */
  shift(): Item | undefined {
    for (const [key, queue] of this.#queues) {
      const item = queue.shift()
      this.#size--
      this.#queues.delete(key)
      // Behind the others.
      if (queue.length > 0) this.#queues.set(key, queue)
      return item
    }
    return undefined
  }

  /** Takes out the items of a key that are to go, and returns them. */
  remove(key: string, isToGo: (item: Item) => boolean): Item[] {
    const queue = this.#queues.get(key)
    if (queue === undefined) return []
    const removed = queue.filter(isToGo)
    if (removed.length === 0) return removed
    this.#size -= removed.length
    const left = queue.filter((item) => !isToGo(item))
    if (left.length > 0) this.#queues.set(key, left)
    else this.#queues.delete(key)
    return removed
  }
}
