import type { Shape } from '../spec.ts'

// How much happens in a run, and so how many virtual minutes pass in a real one.

const MINUTE_MS = 60_000

type Setup = Pick<Shape, 'broker' | 'alls' | 'receivers' | 'nodes'>

const embedded: Setup = { broker: 'embedded', alls: 1, receivers: 0, nodes: 0 }
const withRedis = (alls: number, receivers = 0, nodes = 0): Setup => ({
  broker: 'redis',
  alls,
  receivers,
  nodes,
})

/** Small ones are quick, and most faults need no more; so they are drawn more often. */
export const SETUPS: readonly Setup[] = [
  ...Array.from({ length: 6 }, () => embedded),
  ...Array.from({ length: 7 }, () => withRedis(1)),
  ...Array.from({ length: 3 }, () => withRedis(2)),
  withRedis(0, 1, 1),
  withRedis(0, 1, 2),
  withRedis(0, 2, 2),
]

/** A run is busy for one of these times, and up to `MORE_MS` longer. */
export const ACTIVE_MS = [6_000, 12_000, 12_000, 25_000, 40_000]
export const MORE_MS = 6_000

/** A night: how often a run has one, and how long it may be. */
export interface NightOdds {
  readonly chance: number
  readonly lastsMs: readonly number[]
}

/**
 * Long where a quiet minute takes little: without Redis next to nothing is done in it, with Redis ten times as much, and again
 * twice as much with each process more. Nights take about a quarter of the time of all runs.
 */
export function nightOdds({ broker, alls, receivers, nodes }: Setup): NightOdds {
  if (broker === 'embedded')
    return { chance: 0.25, lastsMs: [30 * MINUTE_MS, 70 * MINUTE_MS, 70 * MINUTE_MS, 200 * MINUTE_MS] }
  if (alls + receivers + nodes === 1)
    return { chance: 0.1, lastsMs: [10 * MINUTE_MS, 10 * MINUTE_MS, 70 * MINUTE_MS] }
  return { chance: 0.03, lastsMs: [5 * MINUTE_MS] }
}
