/** A room that fails this often while others have caught up fails for a reason of its own. */
const MIN_FAILURES_ALONE = 2

interface Behind {
  /** Notices that were stored since then may be missing, by `performance.now()`. */
  provedAtMs: number
  /** When it fell behind. */
  readonly sinceMs: number
  /** Whether its subscription was interrupted, like those of all rooms. */
  isInterrupted: boolean
  /** Whether its subscription is still interrupted: whatever the room reads, more may be missing. */
  isCutOff: boolean
  /** Reads that failed since. */
  failures: number
}

/** What a room reports while it reads its log; see `Lag`. */
export type LagReporter<Room extends object> = Pick<
  Lag<Room>,
  'interrupted' | 'restored' | 'reading' | 'failed' | 'caughtUp' | 'forget'
>

/**
 * The rooms of a node that are behind their logs, or may be. Those that an interruption put behind, usually all, are the node's
 * concern. A room that misses something by itself, or that cannot read when others can, is a concern of its listeners only.
 */
export class Lag<Room extends object> {
  readonly #provedAtMs: () => number
  readonly #behind = new Map<Room, Behind>()
  /** Rooms that have caught up since the latest interruption. */
  #caughtUp = 0

  /** `provedAtMs` returns when it was last proved that notices arrive, by `performance.now()`. */
  constructor(provedAtMs: () => number) {
    this.#provedAtMs = provedAtMs
  }

  /** The subscription of the room is interrupted: it is behind until it has been restored, and the log read. */
  interrupted(room: Room): void {
    const provedAtMs = this.#provedAtMs()
    const behind = this.#behind.get(room) ?? this.#add(room, provedAtMs)
    behind.provedAtMs = Math.min(behind.provedAtMs, provedAtMs)
    behind.isInterrupted = true
    behind.isCutOff = true
    behind.failures = 0
    this.#caughtUp = 0
  }

  /** Its subscription is back, and it will read its log. */
  restored(room: Room): void {
    const behind = this.#behind.get(room)
    if (behind !== undefined) behind.isCutOff = false
  }

  /** The room has found that it is behind. */
  reading(room: Room): void {
    if (!this.#behind.has(room)) this.#add(room, performance.now())
  }

  /** It could not read its log, and tries again. */
  failed(room: Room): void {
    const behind = this.#behind.get(room)
    if (behind !== undefined) behind.failures++
  }

  /** The room has read its log to the end. No effect while its subscription is interrupted. */
  caughtUp(room: Room): void {
    const behind = this.#behind.get(room)
    if (behind?.isCutOff) return
    if (behind?.isInterrupted) this.#caughtUp++
    this.forget(room)
  }

  /** The room is no longer in use. */
  forget(room: Room): void {
    this.#behind.delete(room)
  }

  /** Whether the room is behind, or may be. */
  has(room: Room): boolean {
    return this.#behind.has(room)
  }

  /**
   * Since when notices may be missing in the rooms that are the node's concern; undefined if there are none. There may be
   * very many, and the first of them fell behind first.
   */
  ofNodeSinceMs(): number | undefined {
    for (const behind of this.#behind.values()) if (!this.#isAlone(behind)) return behind.provedAtMs
    return undefined
  }

  /** The rooms that have been behind by themselves for this long, and since when notices may be missing there. */
  alone(forMs: number): Map<Room, number> {
    const nowMs = performance.now()
    const found = new Map<Room, number>()
    for (const [room, behind] of this.#behind)
      if (this.#isAlone(behind) && nowMs - behind.sinceMs >= forMs) found.set(room, behind.provedAtMs)
    return found
  }

  #add(room: Room, provedAtMs: number): Behind {
    const behind = {
      provedAtMs,
      sinceMs: performance.now(),
      isInterrupted: false,
      isCutOff: false,
      failures: 0,
    }
    this.#behind.set(room, behind)
    return behind
  }

  #isAlone({ isInterrupted, failures }: Behind): boolean {
    return !isInterrupted || (failures >= MIN_FAILURES_ALONE && this.#caughtUp > 0)
  }
}
