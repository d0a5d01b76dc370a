/** How long the text of a `Date` header may stay the same: it has whole seconds, and a busy process renews it late. */
const HEADER_STEP_MS = 1_500

/** The page's own clock, which nobody sets: it only runs. */
const steadyNow = (): number => performance.timeOrigin + performance.now()

/**
 * The gateway's time, by the `Date` of its responses. The viewer's clock may be wrong, or be set while the page is open, so
 * nothing that the gateway timed is compared with it.
 */
export class GatewayClock {
  readonly #now: () => number
  /** The page's clock is ahead of the gateway's by between these. */
  #leastAheadMs = -Infinity
  #mostAheadMs = Infinity

  constructor(now: () => number = steadyNow) {
    this.#now = now
  }

  /** Starts a measurement. Call the returned function with the `Date` header of the response. */
  measure(): (dateHeader: string | null) => void {
    const sentAtMs = this.#now()
    return (dateHeader) => {
      const atMs = Date.parse(dateHeader ?? '')
      if (!Number.isNaN(atMs)) this.#narrow(sentAtMs - atMs - HEADER_STEP_MS, this.#now() - atMs)
    }
  }

  /** The gateway's time in ms since 1970, about half a second exact; undefined before the first response. */
  now(): number | undefined {
    return Number.isFinite(this.#leastAheadMs)
      ? this.#now() - (this.#leastAheadMs + this.#mostAheadMs) / 2
      : undefined
  }

  /** Returns what the gateway's clock said when the viewer's said `atMs`; `atMs` itself before the first response. */
  fromViewer(atMs: number): number {
    const nowMs = this.now()
    return nowMs === undefined ? atMs : Math.round(nowMs - (Date.now() - atMs))
  }

  /** Keeps what agrees with earlier responses. If nothing does, a clock was set, or the computer slept. */
  #narrow(leastMs: number, mostMs: number): void {
    const [least, most] = [Math.max(leastMs, this.#leastAheadMs), Math.min(mostMs, this.#mostAheadMs)]
    const agrees = least <= most
    this.#leastAheadMs = agrees ? least : leastMs
    this.#mostAheadMs = agrees ? most : mostMs
  }
}
