import { MAX_TIMER_MS, stopwatch } from './clocks.ts'
import type { Clocks } from './clocks.ts'

/**
 * How long a node may send nothing at all before what it owes counts as lost. A frame counts only once it is complete: this
 * leaves the largest, of 256 KiB, enough time on a link of 140 kbit/s.
 */
const SILENCE_MS = 15_000
/**
 * Heartbeats pass a connection that other rooms keep busy. They travel behind everything that the node sent before, and a node
 * may need 30 s for an answer. By default, they come every 8 s.
 */
const HEARTBEATS = 5
/** A timer that is this late shows that the process slept: what arrived meanwhile is still to be read. */
const LATE_MS = 1_000
const TIME_TO_READ_MS = 1_000

/** Announces every packet of the connection, heartbeats included. */
interface Heard {
  on(event: 'packet', listener: (packet: { readonly type: string }) => void): unknown
}

/**
 * Tells whether the node is silent. The time since one packet would not: it also measures how large the next one is, and
 * whoever asks again while a large packet is on its way makes a slow link slower.
 */
export class Silence {
  readonly #clocks: Clocks | undefined
  #silentMs = (): number => Infinity
  #heartbeats = 0
  #check: (() => void) | undefined

  constructor(clocks?: Clocks) {
    this.#clocks = clocks
  }

  /** How long nothing has arrived, in ms. */
  get silentMs(): number {
    return this.#silentMs()
  }

  /** Hears one connection. */
  listenTo(heard: Heard): void {
    heard.on('packet', ({ type }) => {
      this.#silentMs = stopwatch(this.#clocks)
      if (type === 'ping') this.#heartbeats++
    })
  }

  /**
   * Calls `onSilent` once: after 15 s in which the node has sent nothing, or 15 s from now if it has sent five heartbeats
   * since. Returns a function that cancels.
   */
  watch(onSilent: () => void): () => void {
    const waitedMs = stopwatch(this.#clocks)
    const lastHeartbeat = this.#heartbeats + HEARTBEATS
    let timer: ReturnType<typeof setTimeout>
    const check = (): void => {
      const leftMs = SILENCE_MS - Math.min(waitedMs(), this.#silentMs())
      if (leftMs <= 0 || this.#heartbeats >= lastHeartbeat) onSilent()
      else timer = setTimeout(check, leftMs)
    }
    timer = setTimeout(check, SILENCE_MS)
    return () => clearTimeout(timer)
  }

  /**
   * Calls `onDead` once, when nothing at all has arrived for `silenceMs`, from now on. Returns a function that cancels. One
   * at a time.
   */
  guard(silenceMs: number, onDead: () => void): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined
    let isDueSoon = false
    const wait = (ms: number): void => {
      clearTimeout(timer)
      isDueSoon = ms <= TIME_TO_READ_MS
      const elapsedMs = stopwatch(this.#clocks)
      timer = setTimeout(() => check(elapsedMs() - ms > LATE_MS), ms)
    }
    const check = (mayHaveSlept: boolean): void => {
      const leftMs = silenceMs - this.#silentMs()
      if (leftMs > 0) wait(Math.min(leftMs, MAX_TIMER_MS))
      else if (mayHaveSlept) wait(TIME_TO_READ_MS)
      else onDead()
    }
    this.#silentMs = stopwatch(this.#clocks)
    // If it is due soon anyway, a hint must not put it off.
    this.#check = () => void (isDueSoon || check(true))
    wait(Math.min(silenceMs, MAX_TIMER_MS))
    return () => {
      clearTimeout(timer)
      this.#check = undefined
    }
  }

  /** Looks now, because the device may have slept. */
  check(): void {
    this.#check?.()
  }
}
