import type { MemberNotice, Notice } from '../notice.ts'
import { mergeInOrder } from '../position.ts'
import type { Position } from '../position.ts'
import type { NoticeBatch, Refused, SubscribeRequest, Subscribed } from '../protocol.ts'
import type { Room } from '../room.ts'
import { Backoff } from '../backoff.ts'
import type { RoomListener } from './listeners.ts'

/** More waits for listeners: then nothing is taken until they are through, and the rest is asked for again. */
const MAX_QUEUED = 5_000

/** What a followed room tells the client. */
interface RoomEvents {
  /** All listeners have returned from everything up to here. */
  readonly onHandled: (position: Position) => void
  /** Nothing waits for listeners any more. */
  readonly onIdle: () => void
}

/** A room that a client follows: how far it has received, and how far its listeners have got. */
export class FollowedRoom {
  readonly room: Room
  readonly listening = new Set<RoomListener>()
  readonly backOff = new Backoff()
  /** Why the gateway did not let the client in, the last time it was asked. */
  refusal: Pick<Refused, 'code' | 'message' | 'retry'> | undefined
  /** Whether an answer is waited for, or the room waits for its turn to be asked for. */
  isAsked = false
  /** Runs until it is asked for again. */
  #timer: ReturnType<typeof setTimeout> | undefined
  readonly #events: RoomEvents
  readonly #waiting: { readonly position: Position; readonly notice?: Notice | MemberNotice }[] = []
  /** After the last notice received, and after the last one handled. */
  #received: Position | undefined
  #handled: Position | undefined
  /** Up to which offset notices are on their way; undefined while not subscribed. */
  #awaited: number | undefined
  #isGiving = false

  constructor(room: Room, since: Position | undefined, events: RoomEvents) {
    this.room = room
    this.#received = since
    this.#handled = since
    this.#events = events
  }

  /** After the last notice from which all listeners have returned; undefined before the first answer. */
  get position(): Position | undefined {
    return this.#handled
  }

  get ask(): SubscribeRequest {
    return this.#received === undefined ? this.room : { ...this.room, since: this.#received }
  }

  /** Subscribed, and everything recovered was received and handled. */
  get isLive(): boolean {
    return this.hasArrived && this.#waiting.length === 0
  }

  /** Subscribed, and everything recovered was received. */
  get hasArrived(): boolean {
    return this.#awaited !== undefined && (this.#received?.offset ?? -1) >= this.#awaited
  }

  /** Refused for good: asking again cannot help. */
  get isRefused(): boolean {
    return this.refusal?.retry === false
  }

  /** Whether so much waits for listeners that nothing more is taken. */
  get isFull(): boolean {
    return this.#waiting.length >= MAX_QUEUED
  }

  enter({ position, recovered, gap }: Subscribed): void {
    this.refusal = undefined
    this.backOff.succeeded()
    this.#awaited = position.offset
    // What was recovered is yet to come: had the position moved already, a break now would lose it.
    if (recovered === 0 && (gap !== undefined || this.#received?.offset !== position.offset))
      this.#receive({ position })
  }

  leave(): void {
    this.#awaited = undefined
  }

  /** Whether nothing is under way that would bring the client into the room. */
  get isIdle(): boolean {
    return this.#awaited === undefined && !this.isAsked && this.#timer === undefined
  }

  /** Calls `act` then, instead of what was to be called before. */
  schedule(afterMs: number, act: () => void): void {
    this.cancel()
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      act()
    }, afterMs)
  }

  cancel(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** After a gap: nothing before this is told any more. */
  jump(position: Position): void {
    this.#awaited = position.offset
    this.#receive({ position })
  }

  /** Takes the notices of a batch that follow; answers whether the room must be asked for again. */
  take({ epoch, notices }: NoticeBatch): 'taken' | 'hole' {
    // What still comes of an earlier subscription is recovered by the next answer.
    if (this.#awaited === undefined || this.#received === undefined) return 'taken'
    if (this.#received.epoch !== epoch) return 'hole'
    const { run, hole } = mergeInOrder(this.#received.offset, notices)
    for (const notice of run) this.#receive({ position: { epoch, offset: notice.offset }, notice })
    return hole ? 'hole' : 'taken'
  }

  #receive(next: { readonly position: Position; readonly notice?: Notice | MemberNotice }): void {
    this.#received = next.position
    this.#waiting.push(next)
    if (!this.#isGiving) void this.#give()
  }

  async #give(): Promise<void> {
    this.#isGiving = true
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const { notice, position } = next
      if (notice !== undefined) await Promise.all([...this.listening].map((one) => one.deliver(notice)))
      this.#waiting.shift()
      this.#handled = position
      this.#events.onHandled(position)
    }
    this.#isGiving = false
    this.#events.onIdle()
  }
}
