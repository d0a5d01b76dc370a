/**
 * One that comes late is followed by others in time. No more, to get over a clock of the server that was set, or one of the process
 * that stood still with its machine.
 */
const MAX_OFFSETS = 3

/**
 * When the heartbeats of one process were sent. A server or a network that was frozen carries out at once what it was sent long
 * ago, so that the time of writing proves nothing. But each heartbeat says when it was sent by the clock of its process, and the
 * quickest of the latest ones shows how far that clock is from the clock of this node.
 */
export class SentClock {
  /** Of the latest heartbeats: how much later each was written here than sent there, in ms. */
  readonly #offsets: number[] = []
  #latestMs = -Infinity

  /**
   * Returns when a heartbeat was sent, by the clock of this node, in ms. `sentMs`: by the clock of its process; `writtenAtMs`: when
   * it was written, at the latest. To be called with heartbeats in the order of sending, as often as each is read.
   */
  sentAtMs(sentMs: number, writtenAtMs: number): number {
    const offsetMs = writtenAtMs - sentMs
    if (sentMs === this.#latestMs) this.#offsets.push(Math.min(offsetMs, this.#offsets.pop() ?? offsetMs))
    else if (this.#offsets.push(offsetMs) > MAX_OFFSETS) this.#offsets.shift()
    this.#latestMs = sentMs
    return sentMs + Math.min(...this.#offsets)
  }
}
