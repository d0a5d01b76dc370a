import type { ErrorCounts } from './harness.ts'
import type { PeerName } from './peers.ts'

/** The measurements of one server in one repetition, by column heading. */
export interface Figures {
  readonly values: Readonly<Record<string, number>>
  readonly errors: ErrorCounts
}

export interface BenchRow {
  /** The workload, as a heading. */
  readonly title: string
  /** The figures that stand for the row in the summary: CPU first, then times. */
  readonly summary: readonly string[]
  /** The servers that can do it: all by default. */
  readonly peers?: readonly PeerName[]
  /** Repetitions by default. The most important rows have more. */
  readonly reps: number
  /** `quick` reduces the workload, which makes the figures less precise. */
  readonly measure: (peer: PeerName, quick: boolean) => Promise<Figures>
}
