/** Copies that were confirmed between two markers. */
export interface Batch {
  /** Its number, in the order of confirmation. */
  readonly key: number
  /** The marker that was sent last before these were confirmed: they have survived if the broker has a greater one. */
  readonly marker: number
  /** When the first of them was confirmed, in ms. Only differences count; see `openCopies`. */
  readonly atMs: number
  recalls: number
  bytes: number
  /** How many of them are ends of groups. */
  ends: number
  /** The broker may have lost them, and they have not been stored again. */
  isLost: boolean
  /** Some of them may have been stored again at positions that nobody noted. */
  isDoubtful: boolean
  /** The indices of those that were replaced by new copies since, and how many of these are not flushed to disk yet. */
  readonly replaced: Set<number>
  unflushed: number
  /** There are new copies of all. */
  isReplaced: boolean
  /** Where on disk they are: the keys of the first and the last of them; undefined while none is there. */
  place: { readonly first: number; readonly last: number } | undefined
}

/** What may be lost: the batches up to `upTo` whose marker is not less than `survivor`. */
export interface Loss {
  readonly survivor: number
  readonly upTo: number
}

/** The batches that are kept, and which of them the broker may have lost. */
export class Batches {
  readonly #batches = new Map<number, Batch>()
  #lastKey = 0
  #marker = 0
  /** The greatest marker of the copies of earlier processes. */
  #before = 0
  #bytes = 0
  #recalls = 0

  get = (key: number): Batch | undefined => this.#batches.get(key)
  has = ({ key }: Batch): boolean => this.#batches.has(key)
  size = () => ({ recalls: this.#recalls, bytes: this.#bytes })

  /** Begins the next batch. The clock makes its key greater than those of an earlier process that are not known here. */
  begin(nowMs: number, atMs: number): Batch {
    return this.load(Math.max(this.#lastKey + 1, nowMs), this.#marker, atMs)
  }

  /** Adds a batch of an earlier process. */
  load(key: number, marker: number, atMs: number): Batch {
    const batch: Batch = {
      key,
      marker,
      atMs,
      recalls: 0,
      bytes: 0,
      ends: 0,
      isLost: false,
      isDoubtful: false,
      replaced: new Set(),
      unflushed: 0,
      isReplaced: false,
      place: undefined,
    }
    this.#lastKey = Math.max(this.#lastKey, key)
    this.#marker = Math.max(this.#marker, marker)
    this.#batches.set(key, batch)
    return batch
  }

  grow(batch: Batch, bytes: number, isEnd: boolean): void {
    batch.bytes += bytes
    this.#bytes += bytes
    if (isEnd) batch.ends++
    else {
      batch.recalls++
      this.#recalls++
    }
  }

  /** One of its copies is on disk under this key. */
  place(batch: Batch, key: number): void {
    const { first = key, last = key } = batch.place ?? {}
    batch.place = { first: Math.min(first, key), last: Math.max(last, key) }
  }

  /**
   * To be called once those of earlier processes are loaded. A marker of theirs that the broker still has may be greater than those
   * of their copies, and proves nothing of what this process keeps before its first one.
   */
  open(nowMs: number): void {
    this.#before = this.#marker
    this.advance(nowMs)
  }

  /** Returns the next marker. The clock makes it greater than those of an earlier process that are not known here. */
  advance(nowMs: number): number {
    this.#marker = Math.max(this.#marker + 1, nowMs)
    return this.#marker
  }

  /** Returns what may be lost, given the marker that the broker still has: what has not certainly survived. */
  lossSince(marker: number): Loss {
    // The clock was set back between two processes: how it compares with the markers of this one says nothing.
    const survivor = marker > this.#marker ? this.#before : marker
    // What follows is confirmed by a broker that has lost these.
    this.#marker = Math.max(this.#marker, marker)
    return { survivor, upTo: this.#lastKey }
  }

  /** Returns whether the broker has lost a marker of an earlier process, given the marker that it still has. */
  hasLostEarlier(marker: number): boolean {
    return marker < this.#before
  }

  /** Marks what may be lost, and returns it. */
  lose({ survivor, upTo }: Loss): Batch[] {
    const lost = [...this.#batches.values()].filter(
      ({ key, marker, isReplaced }) => key <= upTo && marker >= survivor && !isReplaced,
    )
    for (const batch of lost) batch.isLost = true
    return lost
  }

  lost(): Batch[] {
    return [...this.#batches.values()].filter(({ isLost }) => isLost)
  }

  /** Returns when the newest was confirmed; undefined without one. */
  newestMs(): number | undefined {
    let newest: number | undefined
    for (const { atMs } of this.#batches.values()) newest = Math.max(newest ?? -Infinity, atMs)
    return newest
  }

  /** Returns the first key on disk that is needed; undefined without one. */
  firstPlace(): number | undefined {
    let first: number | undefined
    for (const { place } of this.#batches.values())
      if (place !== undefined) first = Math.min(first ?? Infinity, place.first)
    return first
  }

  /** Removes and returns the oldest until the rest has no more than `maxBytes`, or `maxLostBytes` once the oldest is lost. */
  dropBeyond(maxBytes: number, maxLostBytes: number): Batch[] {
    const dropped: Batch[] = []
    for (const batch of this.#batches.values()) {
      if (this.#bytes <= (batch.isLost ? maxLostBytes : maxBytes)) break
      this.drop(batch.key)
      dropped.push(batch)
    }
    return dropped
  }

  /** Removes and returns what was confirmed before this time and is not lost. */
  dropBefore(atMs: number): Batch[] {
    const dropped = [...this.#batches.values()].filter((batch) => batch.atMs < atMs && !batch.isLost)
    for (const batch of dropped) this.drop(batch.key)
    return dropped
  }

  drop(key: number): void {
    const batch = this.#batches.get(key)
    if (batch === undefined) return
    this.#batches.delete(key)
    this.#bytes -= batch.bytes
    this.#recalls -= batch.recalls
  }
}
