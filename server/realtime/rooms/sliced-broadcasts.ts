/** Writes one event to one listener. */
type Write<Listener> = (listener: Listener) => void

/** A webhook waits no longer than this for one broadcast. */
const SLICE_MS = 8
/** Writes between two looks at the clock: less than a millisecond, together. */
const WRITES_PER_LOOK = 64
/** More are not queued behind a broadcast that is not finished: they are written at once, and the loop waits. */
const MAX_QUEUED = 64

interface Broadcast<Listener> {
  /** Lives through changes of the set: those who leave receive nothing more. */
  readonly left: Iterator<Listener>
  readonly write: Write<Listener>
  readonly onDone: () => void
}

/**
 * Writes events to sets of listeners, in turns of the event loop that last a few milliseconds. The events of one set are written
 * one after another, each to all who are in the set; nobody may join a set before it is settled.
 */
export class SlicedBroadcasts<Listener> {
  /** What is not finished, by set, in the order in which sets take turns. */
  readonly #unfinished = new Map<string, Broadcast<Listener>[]>()
  #isGoingOn = false

  /** Returns a promise that resolves once everybody was written to; undefined if they were in this call. */
  send(key: string, listeners: Set<Listener>, write: Write<Listener>): Promise<void> | undefined {
    const before = this.#unfinished.get(key)
    if (before !== undefined && before.length >= MAX_QUEUED) this.settle(key)
    const queued = this.#unfinished.get(key)
    const left = listeners.values()
    if (queued === undefined && writeUntil(performance.now() + SLICE_MS, left, write)) return undefined
    return new Promise((resolve) => {
      const broadcast = { left, write, onDone: resolve }
      if (queued === undefined) this.#unfinished.set(key, [broadcast])
      else queued.push(broadcast)
      if (!this.#isGoingOn) this.#goOnLater()
    })
  }

  /** Finishes all broadcasts to a set now. */
  settle(key: string): void {
    const broadcasts = this.#unfinished.get(key)
    if (broadcasts === undefined) return
    this.#unfinished.delete(key)
    for (const { left, write, onDone } of broadcasts) {
      writeUntil(Infinity, left, write)
      onDone()
    }
  }

  #goOnLater(): void {
    this.#isGoingOn = true
    setImmediate(() => this.#goOn())
  }

  #goOn(): void {
    this.#isGoingOn = false
    const endsAtMs = performance.now() + SLICE_MS
    for (const [key, broadcasts] of this.#unfinished) {
      this.#unfinished.delete(key)
      let [current] = broadcasts
      while (current !== undefined && writeUntil(endsAtMs, current.left, current.write)) {
        current.onDone()
        broadcasts.shift()
        current = broadcasts[0]
      }
      // Behind the others.
      if (current !== undefined) this.#unfinished.set(key, broadcasts)
      if (performance.now() >= endsAtMs) break
    }
    if (this.#unfinished.size > 0) this.#goOnLater()
  }
}

/** Returns whether everybody has been written to before that time. */
function writeUntil<Listener>(endsAtMs: number, left: Iterator<Listener>, write: Write<Listener>): boolean {
  for (let writes = 1; ; writes++) {
    const { done, value } = left.next()
    if (done) return true
    write(value)
    if (writes % WRITES_PER_LOOK === 0 && performance.now() >= endsAtMs) return false
  }
}
