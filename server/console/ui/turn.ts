/** How long it takes at most to learn whose turn it is. Without a turn until then, another tab of this browser has it. */
const WAIT_MS = 2_000

/**
 * Lets one tab of this browser do what would be too much if all did it: of those that can do it now, the one that could first. Tabs of
 * another gateway, below another path of the same origin, are none of them.
 */
export class Turn {
  readonly #name: string
  #ended: AbortController | undefined
  #askedAtMs = -Infinity
  #isMine = false
  /** What is to be done if it is this tab's turn. */
  #waiting: (() => void)[] = []

  constructor(what: string) {
    this.#name = `recall-gateway${new URL('.', location.href).pathname} ${what}`
  }

  /** False while this tab cannot do it, or another one does. */
  get isMine(): boolean {
    return this.#isMine
  }

  /** Says whether this tab can do it now. One that cannot leaves it to the others. */
  want(isWanted: boolean): void {
    if (isWanted === (this.#ended !== undefined)) return
    this.#ended?.abort()
    this.#ended = undefined
    this.#isMine = false
    if (!isWanted) return
    this.#ended = new AbortController()
    this.#askedAtMs = performance.now()
    this.#waiting = []
    void this.#ask(this.#ended.signal)
  }

  /** Does it if it is this tab's turn: now, or once that is known if the tab has just asked for it. */
  take(task: () => void): void {
    if (this.#isMine) task()
    else if (this.#isAsking) this.#waiting.push(task)
  }

  get #isAsking(): boolean {
    return performance.now() - this.#askedAtMs < WAIT_MS
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const hold = (): Promise<void> =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve())
        if (signal.aborted) resolve()
        else this.#begin()
      })
    try {
      // Without locks, each tab does it.
      if ('locks' in navigator) await navigator.locks.request(this.#name, { signal }, hold)
      else this.#begin()
    } catch {
      if (!signal.aborted) this.#begin()
    }
  }

  #begin(): void {
    this.#isMine = true
    const waiting = this.#isAsking ? this.#waiting : []
    this.#waiting = []
    for (const task of waiting) task()
  }
}
