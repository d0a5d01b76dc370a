/** Where waiting gets its time from; tests have their own. */
export interface Clock {
  /** In ms, from any beginning. */
  now(): number
  setTimeout(callback: () => void, ms: number): unknown
  clearTimeout(timer: unknown): void
}

export const NODE_CLOCK: Clock = {
  now: () => performance.now(),
  setTimeout,
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
}
