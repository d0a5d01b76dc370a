import type { MemberNotice, Notice } from '../../shared/notice.ts'
import { mergeInOrder } from '../../shared/position.ts'
import type { Merged, Position } from '../../shared/position.ts'
import type { NoticeBatch, Refused, SubscribeAsk, Subscribed } from '../../shared/protocol.ts'
import type { Room } from '../../shared/room.ts'

/** A room that the page watches, and how far it has got there. */
export class WatchedRoom {
  readonly room: Room
  /** Why the gateway did not subscribe the page the last time it was asked. */
  refusal: Refused | undefined
  /** Runs while it may be necessary to ask again. */
  retry: ReturnType<typeof setTimeout> | undefined
  /** After the last notice shown. */
  #position: Position | undefined
  /** Up to which offset notices are on their way; undefined while not subscribed. */
  #awaited: number | undefined

  constructor(room: Room) {
    this.room = room
  }

  get ask(): SubscribeAsk {
    return this.#position === undefined ? this.room : { ...this.room, since: this.#position }
  }

  /** Subscribed, and everything recovered has arrived. */
  get isLive(): boolean {
    return this.#awaited !== undefined && (this.#position?.offset ?? -1) >= this.#awaited
  }

  /** Refused for good: asking again cannot help. */
  get isRefused(): boolean {
    return this.refusal?.retry === false
  }

  enter({ position, recovered }: Subscribed): void {
    this.refusal = undefined
    this.#awaited = position.offset
    // What was recovered is yet to come: had the position moved already, a break now would lose it.
    if (recovered === 0) this.#position = position
  }

  leave(): void {
    this.#awaited = undefined
  }

  jump(position: Position): void {
    this.#position = position
    this.#awaited = position.offset
  }

  /** The notices of a batch that follow the position, which moves on; a hole means that the room must be asked for again. */
  take({ epoch, notices }: NoticeBatch): Merged<Notice | MemberNotice> {
    // What still comes of an earlier subscription is recovered by the next answer.
    if (this.#awaited === undefined || this.#position === undefined) return { run: [], hole: false }
    if (this.#position.epoch !== epoch) return { run: [], hole: true }
    const merged = mergeInOrder(this.#position.offset, notices)
    this.#position = { epoch, offset: this.#position.offset + merged.run.length }
    return merged
  }
}
