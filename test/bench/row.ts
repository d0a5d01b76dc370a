import type { PeerName } from './peers.ts'
import type { Wrong } from './harness.ts'

/** What one server did in one repetition, by what stands above the column. */
export interface Figures {
  readonly values: Readonly<Record<string, number>>
  readonly wrong: Wrong
}

export interface BenchRow {
  /** What is done, as a heading. */
  readonly title: string
  /** How often by default: more often where the figure is what one looks at first. */
  readonly reps: number
  /** `quick` makes it smaller: what comes out is rougher. */
  readonly play: (peer: PeerName, quick: boolean) => Promise<Figures>
}
