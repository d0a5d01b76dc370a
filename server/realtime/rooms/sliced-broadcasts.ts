/** Who receives what is broadcast to a set, in the order in which they joined: each has a larger number than those before. */
export type Members<Listener> = Map<Listener, number>

/** Writes one event to one listener. */
type Write<Listener> = (listener: Listener) => void

/** All broadcasts together take no more of one turn of the event loop. */
const SLICE_MS = 8
/** What one set takes of it before the next one has its share. */
const SHARE_MS = 1
/** Writes between two looks at the clock: less than a millisecond, together. */
const WRITES_PER_LOOK = 32
/** More do not wait for one set: the oldest is written at once, and the loop waits. */
const MAX_QUEUED = 64

interface Broadcast<Listener> {
  /** Lives through changes of the set: those who leave receive nothing more. */
  readonly left: Iterator<[Listener, number]>
  /** The number of the last who had joined when it began: those who join later do not receive it. */
  readonly last: number
  /** The number of the last who was written to. */
  reached: number
  readonly write: Write<Listener>
  onDone: (() => void) | undefined
  /** Resolves then; undefined unless it waits. */
  done: Promise<void> | undefined
}

/**
 * Writes events to sets of listeners, in turns of the event loop that last a few milliseconds. The events of one set are written
 * one after another, each to all who were in the set when it was sent, and have not left since.
 */
export class SlicedBroadcasts<Listener> {
  /** What is not finished, by set, in the order in which sets have their share. */
  readonly #unfinished = new Map<string, Broadcast<Listener>[]>()
  #lastJoined = 0
  /** What is left of the current turn. */
  #leftMs = SLICE_MS
  #isGoingOn = false

  /** No effect on one that has joined already. */
  join(members: Members<Listener>, listener: Listener): void {
    if (!members.has(listener)) members.set(listener, ++this.#lastJoined)
  }

  /** Returns a promise that resolves once everybody was written to; undefined if they were in this call. */
  send(key: string, members: Members<Listener>, write: Write<Listener>): Promise<void> | undefined {
    const queued = this.#unfinished.get(key)
    const broadcast: Broadcast<Listener> = {
      left: members.entries(),
      last: this.#lastJoined,
      reached: 0,
      write,
      onDone: undefined,
      done: undefined,
    }
    if (queued === undefined && this.#writeFor(this.#leftMs, broadcast)) return undefined
    broadcast.done = new Promise((resolve) => (broadcast.onDone = resolve))
    if (queued === undefined) this.#unfinished.set(key, [broadcast])
    else {
      queued.push(broadcast)
      if (queued.length > MAX_QUEUED) this.#writeOldest(queued)
    }
    this.#goOnLater()
    return broadcast.done
  }

  /** Returns a promise that resolves once everybody was written to what was sent until now; undefined if they were. */
  settled(): Promise<unknown> | undefined {
    if (this.#unfinished.size === 0) return undefined
    return Promise.all([...this.#unfinished.values()].flatMap((queued) => queued.at(-1)?.done ?? []))
  }

  /** Writes to one listener what it would still receive, and takes it out of the set. */
  finish(key: string, members: Members<Listener>, listener: Listener): void {
    const number = members.get(listener)
    if (number === undefined) return
    for (const { last, reached, write } of this.#unfinished.get(key) ?? [])
      if (number > reached && number <= last) write(listener)
    members.delete(listener)
  }

  #writeOldest(queued: Broadcast<Listener>[]): void {
    const oldest = queued.shift()
    if (oldest === undefined) return
    writeUntil(Infinity, oldest)
    oldest.onDone?.()
  }

  /** Returns whether everybody was written to in this time. */
  #writeFor(ms: number, broadcast: Broadcast<Listener>): boolean {
    if (ms <= 0) return false
    const startedAtMs = performance.now()
    const isDone = writeUntil(startedAtMs + ms, broadcast)
    this.#leftMs -= performance.now() - startedAtMs
    this.#goOnLater()
    return isDone
  }

  #goOnLater(): void {
    if (this.#isGoingOn) return
    this.#isGoingOn = true
    setImmediate(() => this.#goOn())
  }

  /** Begins a turn. */
  #goOn(): void {
    this.#isGoingOn = false
    this.#leftMs = SLICE_MS
    // A set that is not finished is behind the others when this loop comes to it again.
    for (const [key, broadcasts] of this.#unfinished) {
      if (this.#leftMs <= 0) break
      this.#unfinished.delete(key)
      const [first] = broadcasts
      if (first !== undefined && this.#writeFor(SHARE_MS, first)) {
        broadcasts.shift()
        first.onDone?.()
      }
      if (broadcasts.length > 0) this.#unfinished.set(key, broadcasts)
    }
    if (this.#unfinished.size > 0) this.#goOnLater()
  }
}

/** Returns whether everybody has been written to before that time. */
function writeUntil<Listener>(endsAtMs: number, broadcast: Broadcast<Listener>): boolean {
  for (let writes = 1; ; writes++) {
    const { done, value } = broadcast.left.next()
    if (done || value[1] > broadcast.last) return true
    broadcast.reached = value[1]
    broadcast.write(value[0])
    if (writes % WRITES_PER_LOOK === 0 && performance.now() >= endsAtMs) return false
  }
}
