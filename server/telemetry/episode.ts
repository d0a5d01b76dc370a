/** Two events that are further apart belong to two episodes. */
const EPISODE_GAP_MS = 300_000

/** Counts what happens again and again: from the first event on, until there has been none for five minutes. */
export class Episode {
  readonly #now: () => number
  #count = 0
  #lastMs = -Infinity

  /** `now` is a clock in ms that never goes back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  add(): void {
    if (!this.#isRunning()) this.#count = 0
    this.#count++
    this.#lastMs = this.#now()
  }

  /** Returns how many events the episode has, and how long ago the latest was, in ms; undefined if there is none now. */
  state(): { readonly count: number; readonly ageMs: number } | undefined {
    return this.#isRunning() ? { count: this.#count, ageMs: this.#now() - this.#lastMs } : undefined
  }

  #isRunning(): boolean {
    return this.#now() - this.#lastMs < EPISODE_GAP_MS
  }
}
