import type { GapReason, Position } from '../../shared/position.ts'
import type { Room } from '../../shared/room.ts'

/** One recall that was posted. Times are those of `performance.now()`. */
export interface SentRecall {
  /** No two recalls of a ledger share one, whatever their groups. */
  readonly seq: number
  readonly group: string
  readonly sentAtMs: number
  /** HTTP status of the answer; undefined while there is none, and for good when the connection broke. */
  status?: number
  answeredAtMs?: number
}

/** What a listener was told, in the order in which it was told. */
export type Heard =
  | {
      readonly kind: 'subscribed'
      readonly atMs: number
      readonly position: Position
      readonly recovered: number
      readonly gap?: GapReason
    }
  | { readonly kind: 'gap'; readonly atMs: number; readonly position: Position; readonly gap: GapReason }
  | {
      readonly kind: 'notice'
      readonly atMs: number
      readonly position: Position
      readonly seqs: readonly number[]
    }

export interface Listening {
  readonly room: Room
  readonly heard: readonly Heard[]
}

/** Everything that was sent, answered and heard in one run. */
export class Ledger {
  readonly recalls: SentRecall[] = []
  readonly listening: Listening[] = []

  /** Writes down a recall that is about to be posted. */
  send(group: string): SentRecall {
    const recall = { seq: this.recalls.length + 1, group, sentAtMs: performance.now() }
    this.recalls.push(recall)
    return recall
  }

  /** Writes down what the provider would know of it: the answer, or that there was none. */
  answer(recall: SentRecall, status: number | undefined): void {
    if (status === undefined) return
    recall.status = status
    recall.answeredAtMs = performance.now()
  }

  /** Opens a page for one listener; answers how to write on it. */
  listen(room: Room): (heard: Heard) => void {
    const heard: Heard[] = []
    this.listening.push({ room, heard })
    return (entry) => void heard.push(entry)
  }
}
