/** A map that holds at least the `max` entries that were used last, and at most twice as many. */
export class RecentMap<V> {
  readonly #max: number
  #recent = new Map<string, V>()
  /** What was used before. When `#recent` is full, it takes its place, and these are forgotten. */
  #older = new Map<string, V>()

  constructor(max: number) {
    this.#max = max
  }

  get(key: string): V | undefined {
    const value = this.#recent.get(key)
    if (value !== undefined) return value
    const older = this.#older.get(key)
    if (older !== undefined) this.set(key, older)
    return older
  }

  set(key: string, value: V): void {
    this.#recent.set(key, value)
    if (this.#recent.size < this.#max) return
    this.#older = this.#recent
    this.#recent = new Map()
  }

  delete(key: string): void {
    this.#recent.delete(key)
    this.#older.delete(key)
  }

  clear(): void {
    this.#recent = new Map()
    this.#older = new Map()
  }
}
