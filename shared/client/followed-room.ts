import { Backoff } from '../backoff.ts'
import type { MemberNotice, Notice } from '../notice.ts'
import { mergeInOrder } from '../position.ts'
import type { Position } from '../position.ts'
import type { NoticeBatch, Refused, SubscribeRequest, Subscribed } from '../protocol.ts'
import type { Room } from '../room.ts'
import type { RoomListener } from './listeners.ts'
import type { RoomSummary } from './state.ts'

/** At this many queued notices the client leaves the room. Once listeners have caught up, it returns and recovers more. */
const MAX_QUEUED = 5_000

interface RoomEvents {
  /** All listeners have handled everything up to `position`, which may be the moment after the last one left. */
  readonly onHandled: (position: Position) => void
  /** All listeners have handled everything received. */
  readonly onDrained: () => void
}

/** Where to begin; undefined for now. Resumed from what was stored, unless the application says where. */
interface Start {
  readonly position: Position | undefined
  readonly isResumed: boolean
}

/** A notice to deliver, or, after a gap, only the position to continue from. */
interface Received {
  readonly position: Position
  readonly notice?: Notice | MemberNotice
}

/** A room that a client follows: how far it has received the log, and how far its listeners have handled it. */
export class FollowedRoom {
  readonly room: Room
  readonly isResumed: boolean
  /** For subscribe requests. */
  readonly backoff = new Backoff()
  /** Why the gateway refused the latest subscribe request, or ended the subscription. */
  refusal: Pick<Refused, 'code' | 'message' | 'retry'> | undefined
  /** Whether a subscribe request is queued or in flight. */
  isSubscribing = false
  /** Cancels what the room waits for before it subscribes again. */
  #cancel: (() => void) | undefined
  readonly #events: RoomEvents
  readonly #listeners = new Set<RoomListener>()
  readonly #queue: Received[] = []
  #isDelivering = false
  /** After the last notice received, and after the last one handled. */
  #received: Position | undefined
  #handled: Position | undefined
  /** The offset at which recovery is complete; undefined while not subscribed. */
  #recoverTo: number | undefined

  constructor(room: Room, { position, isResumed }: Start, events: RoomEvents) {
    this.room = room
    this.isResumed = isResumed
    this.#received = position
    this.#handled = position
    this.#events = events
  }

  get hasListeners(): boolean {
    return this.#listeners.size > 0
  }

  /** After the last notice that all listeners have handled; undefined before the first response. */
  get position(): Position | undefined {
    return this.#handled
  }

  get request(): SubscribeRequest {
    return this.#received === undefined ? this.room : { ...this.room, since: this.#received }
  }

  get isSubscribed(): boolean {
    return this.#recoverTo !== undefined
  }

  /** Subscribed, and everything recovered was received. */
  get hasRecovered(): boolean {
    return this.#recoverTo !== undefined && (this.#received?.offset ?? -1) >= this.#recoverTo
  }

  /** Subscribed, and everything recovered was received and handled. */
  get isLive(): boolean {
    return this.hasRecovered && this.#queue.length === 0
  }

  /** Refused, and the same credential will be refused again. */
  get isRefused(): boolean {
    return this.refusal?.retry === false
  }

  get summary(): RoomSummary {
    const { room, refusal } = this
    const state = this.isRefused ? 'refused' : this.isLive ? 'live' : 'catching-up'
    return { room, state, refusal }
  }

  /** Whether listeners are so far behind that the client must leave the room. */
  get isFull(): boolean {
    return this.#queue.length >= MAX_QUEUED
  }

  /** Subscribed, subscribing, or scheduled to subscribe. */
  get isActive(): boolean {
    return this.isSubscribed || this.isSubscribing || this.#cancel !== undefined
  }

  addListener(listener: RoomListener): void {
    this.#listeners.add(listener)
  }

  /** Returns whether it listened. */
  removeListener(listener: RoomListener): boolean {
    listener.leave()
    return this.#listeners.delete(listener)
  }

  removeAllListeners(): void {
    for (const listener of this.#listeners) this.removeListener(listener)
  }

  /** Takes in the response to a subscribe request. Returns how many missed notices are still to come. */
  enter({ position, gap }: Subscribed): number {
    this.refusal = undefined
    this.backoff.succeeded()
    this.#recoverTo = position.offset
    const received = this.#received
    if (received !== undefined && gap === undefined) return Math.max(0, position.offset - received.offset)
    // Only here: if the position moved to the end of notices that are still to come, a lost connection would lose them.
    this.#enqueue({ position })
    return 0
  }

  leave(): void {
    this.#recoverTo = undefined
  }

  /** Whether a gap up to `position` can be: not if what it says is missing was received. */
  canSkipTo({ epoch, offset }: Position): boolean {
    return this.#received?.epoch !== epoch || this.#received.offset <= offset
  }

  /** Continues after a gap. Notices up to `position` are dropped. */
  skipTo(position: Position): void {
    this.#recoverTo = position.offset
    this.#enqueue({ position })
  }

  /**
   * Counts the notice at `position` as handled: a listener that left the room has finished it late. No effect unless it is
   * the next one, and still to be received.
   */
  skipHandled(position: Position): void {
    if (this.#queue.length > 0 || !isNext(this.#handled, position)) return
    this.#received = position
    this.#handled = position
  }

  /** Queues the notices of a batch that follow the last one received. Returns 'hole' if some are missing: subscribe again. */
  receive({ epoch, notices }: NoticeBatch): 'ok' | 'hole' {
    if (this.#received === undefined || !this.isActive) return 'ok'
    // On its way since an earlier subscription: what follows is as good as ever, the next response brings the rest.
    const hole = this.isSubscribed ? 'hole' : 'ok'
    if (this.#received.epoch !== epoch) return hole
    const merged = mergeInOrder(this.#received.offset, notices)
    for (const notice of merged.run) this.#enqueue({ position: { epoch, offset: notice.offset }, notice })
    return merged.hole ? hole : 'ok'
  }

  /** Notes what the room waits for before it subscribes again, by the function that cancels it. Replaces the one before. */
  waitFor(cancel: () => void): void {
    this.cancel()
    this.#cancel = cancel
  }

  cancel(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #enqueue(next: Received): void {
    this.#received = next.position
    this.#queue.push(next)
    if (!this.#isDelivering) void this.#deliver()
  }

  /** Ends for good when no listener is left: nobody would handle the rest. */
  async #deliver(): Promise<void> {
    this.#isDelivering = true
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const { notice, position } = next
      const isHandled = notice === undefined ? this.hasListeners : await this.#give(notice, position)
      if (!isHandled) return
      this.#queue.shift()
      this.#handled = position
      this.#events.onHandled(position)
    }
    this.#isDelivering = false
    this.#events.onDrained()
  }

  /**
   * Resolves to whether the notice is handled: every listener that it was given to, or that is still there, has finished
   * it, and at least one has. What none has finished goes to listeners that came meanwhile.
   */
  async #give(notice: Notice | MemberNotice, position: Position): Promise<boolean> {
    const unfinished = new Set<RoomListener>()
    const give = async (listener: RoomListener): Promise<boolean> => {
      unfinished.add(listener)
      const isFinished = await listener.deliver(notice, () => {
        unfinished.delete(listener)
        if (unfinished.size === 0) this.#onLate(position)
      })
      if (isFinished) unfinished.delete(listener)
      return isFinished
    }
    while (this.hasListeners) {
      const outcomes = await Promise.all([...this.#listeners].map(give))
      if (unfinished.size === 0) return true
      // Those that left on their own gave up. If all have left, one of them may miss it when it is back.
      if (this.hasListeners && outcomes.includes(true)) return true
    }
    return false
  }

  /** The last listener to finish a notice had left by then. While others are there, the notice is theirs. */
  #onLate(position: Position): void {
    if (this.hasListeners || !isNext(this.#handled, position)) return
    this.#handled = position
    this.#events.onHandled(position)
  }
}

/** Whether `position` is the one after the next notice. */
export const isNext = (after: Position | undefined, { epoch, offset }: Position): boolean =>
  after?.epoch === epoch && after.offset + 1 === offset
