import type { Manager } from 'socket.io-client'

/**
 * How long a node may send nothing at all before what it owes counts as lost. A frame counts only once it is complete: this
 * leaves the largest, of 256 KiB, enough time on a link of 140 kbit/s.
 */
const SILENCE_MS = 15_000
/** Heartbeats pass a connection that other rooms keep busy. They travel behind everything that the node sent before. */
const HEARTBEATS = 2

/** Announces packets and heartbeats of the node. */
type Heard = Pick<Manager, 'on'>

/**
 * Tells whether the node is silent. The time since one packet would not: it also measures how large the next one is, and
 * whoever asks again while a large packet is on its way makes a slow link slower.
 */
export class Silence {
  readonly #now: () => number
  #heardAtMs = -Infinity
  #heartbeats = 0

  /** `now` is in ms. */
  constructor(heard: Heard, now = (): number => performance.now()) {
    this.#now = now
    heard.on('packet', () => (this.#heardAtMs = this.#now()))
    heard.on('ping', () => {
      this.#heardAtMs = this.#now()
      this.#heartbeats++
    })
  }

  /**
   * Calls `onSilent` once: after 15 s in which the node has sent nothing, or when it has sent two heartbeats from now on.
   * Returns a function that cancels.
   */
  watch(onSilent: () => void): () => void {
    const fromMs = this.#now()
    const lastHeartbeat = this.#heartbeats + HEARTBEATS
    let timer: ReturnType<typeof setTimeout>
    const check = (): void => {
      const leftMs = SILENCE_MS - (this.#now() - Math.max(fromMs, this.#heardAtMs))
      if (leftMs <= 0 || this.#heartbeats >= lastHeartbeat) onSilent()
      else timer = setTimeout(check, leftMs)
    }
    timer = setTimeout(check, SILENCE_MS)
    return () => clearTimeout(timer)
  }
}
