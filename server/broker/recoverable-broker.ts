import type { Position } from '../../shared/position.ts'
import type { Recall } from '../../shared/recall.ts'
import type { Room } from '../../shared/room.ts'
import type { Broker } from './broker.ts'

/** A group that was dismissed, and when, in ms since 1970. */
export interface EndedGroup {
  readonly ended: string
  readonly atMs: number
}

/** Where the marker of a process is: it is looked for in the place of its writer, and stored in that of another one. */
export interface MarkerPlace {
  /** The id of the data folder. */
  readonly name: string
  /** The writer of the marker that is looked for; '' for none. */
  readonly from: string
  /** The writer of the new one. If it is another, the markers of all writers are removed from this data folder's. */
  readonly to: string
}

/**
 * A broker whose store may return to an earlier state, or to none, and take away what it had confirmed: a failover that loses the
 * latest writes, a restart from a snapshot, an operator.
 */
export interface RecoverableBroker extends Broker {
  /**
   * Stores `value`, if what is stored is `expected`, where undefined stands for nothing, and `latest` is there too, or the end of its
   * group. What was confirmed before a value was sent, or before `latest`, has survived if that has.
   */
  mark(
    place: MarkerPlace,
    value: number,
    expected: number | undefined,
    latest?: Recall | EndedGroup,
  ): Promise<{ readonly before: number | undefined; readonly isStored: boolean }>
  /** Counts the reasons to suspect that the store went back after the latest mark, such as another connection. */
  doubts(): number
  /** Returns an id of the server, which it has until it is started again; undefined if it does not say. */
  server(): Promise<string | undefined>
  /** Counts the proofs that the store went back. They can come some time later. */
  rollbacks(): number
  /**
   * As `heads`, of the server to which recalls are published: another connection may still lead to the one before it, which has
   * lost nothing. `lacks`, `mark`, `endGroup` and `newEpoch` ask the same one.
   */
  publishedHeads(rooms: readonly Room[]): Promise<readonly Position[]>
  /** Returns whether a recall that was confirmed is missing, and its group has not ended since. */
  lacks(recall: Recall): Promise<boolean>
}
