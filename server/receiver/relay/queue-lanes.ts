import { Fifo } from '../../lib/fifo.ts'
import type { Arrival } from './relayed-request.ts'

/** A request on disk. */
export interface QueueEntry {
  /** In the journal. */
  readonly key: number
  /** Its arrival number. */
  readonly order: number
  /** How often the backend may have got it. */
  attempts: number
}

/** Requests that are delivered one after another: those of a conversation, a user or a command. */
export interface Lane {
  readonly name: string
  readonly entries: Fifo<QueueEntry>
  /** The arrival numbers of requests that may still be queued, ascending. */
  readonly open: number[]
  /** How many of them certainly are. */
  coming: number
  /** How many are being written to disk. */
  writing: number
  state: 'idle' | 'ready' | 'running' | 'waiting'
  /** Of its first entry, in a row. */
  failures: number
  /** When its first entry may be tried again, while it is `waiting`. */
  dueMs: number
  /** Why its first entry is to be given up, if the quarantine could not take it. */
  givenUp: GivenUp | undefined
}

export interface GivenUp {
  readonly how: 'refused' | 'expired' | 'rotten'
  readonly reason: string
}

interface NextOptions {
  /** Whether a lane may be returned whose first request has failed before. */
  readonly mayRetry: boolean
  readonly prefersRetry: boolean
}

/**
 * The lanes of the queue, in memory: which of them may be delivered now. Those whose turn it is queue in order, apart for those
 * whose first request has failed before, so that slow ones cannot take every place.
 */
export class Lanes {
  readonly #byName = new Map<string, Lane>()
  readonly #fresh = new Fifo<Lane>()
  readonly #tried = new Fifo<Lane>()
  /** In the order of `dueMs`. */
  readonly #waiting = new Fifo<{ readonly lane: Lane; readonly dueMs: number }>()
  #nextNumber = 1
  /** Requests that are on disk, or being written to it. */
  #held = 0

  get(name: string): Lane | undefined {
    return this.#byName.get(name)
  }

  /**
   * Takes the next place in a lane. `onLeave` is called once it is given up: others of the lane may have waited for it. `isComing`:
   * it is for a request that will be queued.
   */
  arrive(name: string, onLeave: () => void, isComing = false): Arrival {
    const lane = this.#laneOf(name)
    const number = this.#nextNumber++
    const mustQueue = isOccupied(lane) || (lane.open.length > 0 && this.#held > 0)
    lane.open.push(number)
    if (isComing) lane.coming++
    const leave = (): void => {
      const at = lane.open.indexOf(number)
      if (at === -1) return
      lane.open.splice(at, 1)
      if (isComing) lane.coming--
      this.settle(lane)
      onLeave()
    }
    return { number, mustQueue, leave }
  }

  /** Returns the lane to write a request for; `written` has to follow. */
  writing(name: string): Lane {
    const lane = this.#laneOf(name)
    lane.writing++
    this.#held++
    return lane
  }

  /** `entry`: undefined if the disk has not taken it. */
  written(lane: Lane, entry: QueueEntry | undefined): void {
    lane.writing--
    this.#held--
    if (entry) this.#insert(lane, entry)
    this.settle(lane)
  }

  /** Adds what an earlier process has left. */
  load(name: string, entry: QueueEntry): void {
    const lane = this.#laneOf(name)
    this.#nextNumber = Math.max(this.#nextNumber, entry.order + 1)
    this.#insert(lane, entry)
    this.settle(lane)
  }

  #insert(lane: Lane, entry: QueueEntry): void {
    const { first } = lane.entries
    lane.entries.insert(entry, ({ order }) => order > entry.order)
    this.#held++
    // What was learnt of the one that was first does not hold for this one.
    if (first === undefined || lane.entries.first === first || lane.state !== 'waiting') return
    lane.failures = 0
    this.release(lane)
  }

  /** Takes out the lane whose turn it is, as `running`. `release`, `wait` or `finished` has to follow. */
  next({ mayRetry, prefersRetry }: NextOptions): Lane | undefined {
    const retry = (isTurn: boolean): Lane | undefined => (isTurn ? takeReady(this.#tried) : undefined)
    const lane = retry(mayRetry && prefersRetry) ?? takeReady(this.#fresh) ?? retry(mayRetry)
    if (lane) lane.state = 'running'
    return lane
  }

  /** Takes out a lane before its turn, to give up its first request. Returns false if that is under way, or an earlier one may come. */
  seize(lane: Lane): boolean {
    if (lane.state === 'running' || mayBePreceded(lane)) return false
    lane.state = 'running'
    return true
  }

  /** The first request of a running lane needs no more attempts. */
  finished(lane: Lane): void {
    lane.entries.shift()
    this.#held--
    lane.failures = 0
    lane.givenUp = undefined
    this.release(lane)
  }

  /** A running lane takes its turn again later: its first request has failed so often in a row. */
  wait(lane: Lane, dueMs: number, failures: number): void {
    lane.failures = failures
    lane.state = 'waiting'
    lane.dueMs = dueMs
    this.#waiting.insert({ lane, dueMs }, (other) => other.dueMs > dueMs)
  }

  /** A running lane may take its next turn. */
  release(lane: Lane): void {
    lane.state = 'idle'
    this.settle(lane)
  }

  /** Lets the lanes take their turn that have waited long enough. Returns when the next one will have, in ms; undefined if none waits. */
  wakeDue(nowMs: number): number | undefined {
    for (let first = this.#waiting.first; first; first = this.#waiting.first) {
      const { lane, dueMs } = first
      const isStale = lane.state !== 'waiting' || lane.dueMs !== dueMs
      if (!isStale && dueMs > nowMs) return dueMs
      this.#waiting.shift()
      if (!isStale) this.release(lane)
    }
    return undefined
  }

  /** Lets those take their turn that wait, and have not failed more often: the backend is back. */
  retryAll(maxFailures: number): void {
    const waiting = Array.from({ length: this.#waiting.size }, () => this.#waiting.shift())
    for (const item of waiting) {
      if (item?.lane.state !== 'waiting' || item.lane.dueMs !== item.dueMs) continue
      if (item.lane.failures > maxFailures) this.#waiting.push(item)
      else this.release(item.lane)
    }
  }

  /** Lets a lane queue for its turn if it may, and forgets it if it holds nothing. */
  settle(lane: Lane): void {
    if (lane.state !== 'idle') return
    const { first } = lane.entries
    if (first === undefined) {
      if (lane.open.length === 0 && lane.writing === 0) this.#byName.delete(lane.name)
      return
    }
    if (mayBePreceded(lane)) return
    lane.state = 'ready'
    ;(lane.failures > 0 ? this.#tried : this.#fresh).push(lane)
  }

  #laneOf(name: string): Lane {
    const known = this.#byName.get(name)
    if (known) return known
    const lane: Lane = {
      name,
      entries: new Fifo(),
      open: [],
      coming: 0,
      writing: 0,
      state: 'idle',
      failures: 0,
      dueMs: 0,
      givenUp: undefined,
    }
    this.#byName.set(name, lane)
    return lane
  }
}

/** Whether a lane holds requests that are on disk, or being written to it, or will be. */
export const isOccupied = (lane: Lane): boolean =>
  lane.entries.size > 0 || lane.writing > 0 || lane.coming > 0

/** Whether an earlier request may still come before the first one: that would then be first, and be taken for the one under way. */
function mayBePreceded({ entries, open }: Lane): boolean {
  const [oldestOpen = Infinity] = open
  return entries.first !== undefined && oldestOpen < entries.first.order
}

function takeReady(lanes: Fifo<Lane>): Lane | undefined {
  for (let lane = lanes.shift(); lane; lane = lanes.shift()) if (lane.state === 'ready') return lane
  return undefined
}
