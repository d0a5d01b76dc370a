/** In ms. `steady` stands still on some devices while they sleep, `wall` may be set by a person. */
export interface Clocks {
  readonly steady: () => number
  readonly wall: () => number
}

const CLOCKS: Clocks = { steady: () => performance.now(), wall: () => Date.now() }

/** The longest delay of a timer. */
export const MAX_TIMER_MS = 2 ** 31 - 1

/** Returns a function that returns the ms since now, by whichever clock has moved further: sleep counts. */
export function stopwatch({ steady, wall }: Clocks = CLOCKS): () => number {
  const [steadyMs, wallMs] = [steady(), wall()]
  return () => Math.max(steady() - steadyMs, wall() - wallMs)
}
