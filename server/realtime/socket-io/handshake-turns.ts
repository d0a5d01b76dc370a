/** Handshakes take no more of a turn of the event loop. Webhooks that have arrived are served between two turns. */
const SLICE_MS = 5
/** A client waits 20 s for a handshake. Behind this many, at half a millisecond each, it would still be in time. */
const MAX_WAITING = 5_000

/**
 * Opens sockets in turns. After a node is lost all its clients come at once, and what came in the same moment would wait
 * until they all are served.
 */
export class HandshakeTurns {
  readonly #waiting: (() => void)[] = []
  #next: NodeJS.Immediate | undefined

  /** Calls `open` when it is its turn. Returns false if too many wait already. */
  take(open: () => void): boolean {
    if (this.#waiting.length >= MAX_WAITING) return false
    this.#waiting.push(open)
    this.#next ??= setImmediate(() => this.#openSome())
    return true
  }

  stop(): void {
    clearImmediate(this.#next)
    this.#waiting.length = 0
  }

  #openSome(): void {
    this.#next = undefined
    const endsAtMs = performance.now() + SLICE_MS
    let opened = 0
    while (opened < this.#waiting.length && (opened === 0 || performance.now() < endsAtMs))
      this.#waiting[opened++]?.()
    this.#waiting.splice(0, opened)
    if (this.#waiting.length > 0) this.#next = setImmediate(() => this.#openSome())
  }
}
