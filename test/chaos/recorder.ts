import type { GapReason, Position } from '../../shared/position.ts'
import type { Room } from '../../shared/room.ts'
import type { TruthRecord } from './truth/truth-record.ts'

/** One recall that was posted. Times are those of `performance.now()`. */
export interface SentRecall {
  /** Unique within a recorder, across groups. */
  readonly seq: number
  readonly group: string
  readonly sentAtMs: number
  /** HTTP status of the response. Undefined until it arrives, and forever if the connection breaks. */
  status?: number
  respondedAtMs?: number
}

/** What a listener received: a response to `subscribe`, a gap, or a notice. */
export type ReceivedEvent =
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

/** The events of one listener, in the order it received them. */
export interface ListenerRecord {
  readonly room: Room
  readonly events: readonly ReceivedEvent[]
}

/** Records every recall that is sent, and every event that a listener or a client receives, in one run. */
export class Recorder {
  readonly recalls: SentRecall[] = []
  readonly listeners: ListenerRecord[] = []
  readonly truth: TruthRecord[] = []

  /** Records a recall that is about to be posted. */
  recordSent(group: string): SentRecall {
    const recall = { seq: this.recalls.length + 1, group, sentAtMs: performance.now() }
    this.recalls.push(recall)
    return recall
  }

  /** Records the outcome of a post as the provider sees it: a status, or undefined when there was no response. */
  recordResponse(recall: SentRecall, status: number | undefined): void {
    if (status === undefined) return
    recall.status = status
    recall.respondedAtMs = performance.now()
  }

  /** Adds a listener. Returns a function that records an event the listener received. */
  addListener(room: Room): (event: ReceivedEvent) => void {
    const events: ReceivedEvent[] = []
    this.listeners.push({ room, events })
    return (event) => void events.push(event)
  }
}
