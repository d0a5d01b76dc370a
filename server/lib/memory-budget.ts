import { setImmediate as nextTurn } from 'node:timers/promises'

/** A peer for which something waits in memory. */
export interface Waiter {
  /** What waits for it, with its share of what it shares with others. */
  readonly bytes: number
  /** Sends the peer away, and drops what waits for it. */
  shed(): void
}

/** A part of the process in which something waits for peers. */
export interface WaitingPart {
  /** Returns how many bytes wait, and how many of them for peers that were shed and are not gone yet. */
  measure(): { readonly bytes: number; readonly leavingBytes: number }
  /** Returns the peers as they were measured last, without those that were shed. */
  waiters(): readonly Waiter[]
}

interface MemoryBudgetOptions {
  readonly bytes: number
  /** Whether the process is about to reach a limit of its memory, whatever waits. */
  readonly isNearLimit: () => boolean
}

interface PressureListeners {
  readonly onPressure: (waitingBytes: number) => void
  readonly onRelief: (durationMs: number) => void
  /** Something could not be measured, or not be sent away. */
  readonly onFailure: (error: unknown) => void
}

const CHECK_INTERVAL_MS = 1_000
/** Of the budget. Above the first, the fattest are sent away until the second is reached, and nobody new is let in. */
const HIGH_WATER = 7 / 8
const LOW_WATER = 5 / 8
/** Of the budget. After this much growth, the next check comes at once. */
const GROWTH = 1 / 16
/** The account takes no more than a fifth of the process. */
const MIN_PAUSE_PER_CHECK = 4
/** Shedding pauses this often, so that webhooks are served meanwhile. */
const SLICE_MS = 5
/** Memory returns to the system late, or never: what waits is halved no more often than this. */
const NEAR_LIMIT_PAUSE_MS = 5_000

/**
 * One bound for all that waits in memory for slow peers: what they do not read, and what they do not finish sending. What waits
 * is measured where it waits, every second and after growth.
 */
export class MemoryBudget {
  readonly #options: MemoryBudgetOptions
  readonly #listeners: PressureListeners
  readonly #parts: WaitingPart[] = []
  readonly #timer: NodeJS.Timeout
  #soon: NodeJS.Immediate | undefined
  #waitingBytes = 0
  #grownBytes = 0
  #notBeforeMs = 0
  #pressedSinceMs: number | undefined
  #halvedAtMs = -Infinity
  #isShedding = false

  constructor(options: MemoryBudgetOptions, listeners: PressureListeners) {
    this.#options = options
    this.#listeners = listeners
    this.#timer = setInterval(() => void this.check(), CHECK_INTERVAL_MS).unref()
  }

  add(part: WaitingPart): void {
    this.#parts.push(part)
  }

  /** What waits has grown by about this much. */
  readonly grew = (bytes: number): void => {
    this.#grownBytes += bytes
    if (this.#grownBytes < this.#options.bytes * GROWTH || this.#soon !== undefined) return
    if (performance.now() < this.#notBeforeMs) return
    this.#soon = setImmediate(() => {
      this.#soon = undefined
      void this.check()
    })
  }

  /** Whether nobody new should be let in. */
  readonly isPressed = (): boolean => this.#pressedSinceMs !== undefined

  state(): { readonly waitingBytes: number; readonly budgetBytes: number; readonly pressedMs: number } {
    return {
      waitingBytes: this.#waitingBytes,
      budgetBytes: this.#options.bytes,
      pressedMs: this.#pressedSinceMs === undefined ? 0 : performance.now() - this.#pressedSinceMs,
    }
  }

  /** Measures what waits, and sends the fattest away if it is too much. Resolves once they have been. Never rejects. */
  async check(): Promise<void> {
    if (this.#isShedding) return
    const before = process.cpuUsage()
    let excess = 0
    try {
      excess = this.#measure()
    } catch (error) {
      this.#listeners.onFailure(error)
    }
    const { user, system } = process.cpuUsage(before)
    if (excess > 0) await this.#shed(excess)
    this.#notBeforeMs = performance.now() + ((user + system) / 1_000) * MIN_PAUSE_PER_CHECK
  }

  stop(): void {
    clearInterval(this.#timer)
    clearImmediate(this.#soon)
  }

  /** Returns how much more waits than may, in bytes. */
  #measure(): number {
    const nowMs = performance.now()
    const { bytes: budget, isNearLimit } = this.#options
    this.#grownBytes = 0
    const measured = this.#parts.map((part) => part.measure())
    const bytes = sumOf(measured.map((one) => one.bytes))
    const leavingBytes = sumOf(measured.map((one) => one.leavingBytes))
    this.#waitingBytes = bytes
    const isNear = isNearLimit()
    this.#note(bytes > budget * HIGH_WATER || isNear, bytes <= budget * LOW_WATER)
    // Down to the low water: in between, those who stay would keep others out.
    const excess = this.isPressed() ? bytes - leavingBytes - budget * LOW_WATER : 0
    if (!isNear || nowMs - this.#halvedAtMs < NEAR_LIMIT_PAUSE_MS) return excess
    this.#halvedAtMs = nowMs
    return Math.max(excess, (bytes - leavingBytes) / 2)
  }

  #note(isPressed: boolean, isRelieved: boolean): void {
    const now = performance.now()
    if (isPressed) {
      if (this.#pressedSinceMs !== undefined) return
      this.#pressedSinceMs = now
      this.#listeners.onPressure(this.#waitingBytes)
    } else if (this.#pressedSinceMs !== undefined && isRelieved) {
      this.#listeners.onRelief(now - this.#pressedSinceMs)
      this.#pressedSinceMs = undefined
    }
  }

  /** Never rejects: one that cannot be sent away is left out. */
  async #shed(bytes: number): Promise<void> {
    this.#isShedding = true
    try {
      const fattestFirst = this.#parts.flatMap((part) => part.waiters()).toSorted((a, b) => b.bytes - a.bytes)
      let left = bytes
      let sliceEndsAtMs = performance.now() + SLICE_MS
      for (const waiter of fattestFirst) {
        if (left <= 0) break
        if (this.#hasShed(waiter)) left -= waiter.bytes
        if (performance.now() < sliceEndsAtMs) continue
        await nextTurn()
        sliceEndsAtMs = performance.now() + SLICE_MS
      }
    } catch (error) {
      this.#listeners.onFailure(error)
    } finally {
      this.#isShedding = false
    }
  }

  #hasShed(waiter: Waiter): boolean {
    try {
      waiter.shed()
      return true
    } catch (error) {
      this.#listeners.onFailure(error)
      return false
    }
  }
}

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0)
