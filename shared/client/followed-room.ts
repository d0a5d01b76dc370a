import { Backoff } from '../backoff.ts'
import type { MemberNotice, Notice } from '../notice.ts'
import { mergeInOrder } from '../position.ts'
import type { Position } from '../position.ts'
import type { NoticeBatch, Refused, SubscribeRequest, Subscribed } from '../protocol.ts'
import type { Room } from '../room.ts'
import type { RoomListener } from './listeners.ts'

/** At this many queued notices the client leaves the room. Once listeners have caught up, it returns and recovers more. */
const MAX_QUEUED = 5_000

interface RoomEvents {
  /** All listeners have handled everything up to `position`. */
  readonly onHandled: (position: Position) => void
  /** All listeners have handled everything received. */
  readonly onDrained: () => void
}

/** A notice to deliver, or, after a gap, only the position to continue from. */
interface Received {
  readonly position: Position
  readonly notice?: Notice | MemberNotice
}

/** A room that a client follows: how far it has received the log, and how far its listeners have handled it. */
export class FollowedRoom {
  readonly room: Room
  readonly listeners = new Set<RoomListener>()
  /** For subscribe requests. */
  readonly backoff = new Backoff()
  /** Why the gateway refused the latest subscribe request, or ended the subscription. */
  refusal: Pick<Refused, 'code' | 'message' | 'retry'> | undefined
  /** Whether a subscribe request is queued or in flight. */
  isSubscribing = false
  /** The next subscribe request, if one is scheduled. */
  #timer: ReturnType<typeof setTimeout> | undefined
  readonly #events: RoomEvents
  readonly #queue: Received[] = []
  #isDelivering = false
  /** After the last notice received, and after the last one handled. */
  #received: Position | undefined
  #handled: Position | undefined
  /** The offset at which recovery is complete; undefined while not subscribed. */
  #recoverTo: number | undefined

  constructor(room: Room, since: Position | undefined, events: RoomEvents) {
    this.room = room
    this.#received = since
    this.#handled = since
    this.#events = events
  }

  /** After the last notice that all listeners have handled; undefined before the first response. */
  get position(): Position | undefined {
    return this.#handled
  }

  get request(): SubscribeRequest {
    return this.#received === undefined ? this.room : { ...this.room, since: this.#received }
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

  /** Whether listeners are so far behind that the client must leave the room. */
  get isFull(): boolean {
    return this.#queue.length >= MAX_QUEUED
  }

  /** Subscribed, subscribing, or scheduled to subscribe. */
  get isActive(): boolean {
    return this.#recoverTo !== undefined || this.isSubscribing || this.#timer !== undefined
  }

  enter({ position, recovered, gap }: Subscribed): void {
    this.refusal = undefined
    this.backoff.succeeded()
    this.#recoverTo = position.offset
    // Recovered notices are still to come: if the position moved to their end now, a lost connection would lose them.
    if (recovered === 0 && (gap !== undefined || this.#received?.offset !== position.offset))
      this.#enqueue({ position })
  }

  leave(): void {
    this.#recoverTo = undefined
  }

  /** Continues after a gap. Notices up to `position` are dropped. */
  skipTo(position: Position): void {
    this.#recoverTo = position.offset
    this.#enqueue({ position })
  }

  /** Queues the notices of a batch that follow the last one received. Returns 'hole' if some are missing: subscribe again. */
  receive({ epoch, notices }: NoticeBatch): 'ok' | 'hole' {
    // Notices of an earlier subscription are ignored: the next subscribe request recovers them.
    if (this.#recoverTo === undefined || this.#received === undefined) return 'ok'
    if (this.#received.epoch !== epoch) return 'hole'
    const { run, hole } = mergeInOrder(this.#received.offset, notices)
    for (const notice of run) this.#enqueue({ position: { epoch, offset: notice.offset }, notice })
    return hole ? 'hole' : 'ok'
  }

  /** Calls `subscribe` after `afterMs`. Replaces an earlier schedule. */
  schedule(afterMs: number, subscribe: () => void): void {
    this.cancel()
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      subscribe()
    }, afterMs)
  }

  cancel(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #enqueue(next: Received): void {
    this.#received = next.position
    this.#queue.push(next)
    if (!this.#isDelivering) void this.#deliver()
  }

  async #deliver(): Promise<void> {
    this.#isDelivering = true
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const { notice, position } = next
      if (notice !== undefined)
        await Promise.all([...this.listeners].map((listener) => listener.deliver(notice)))
      this.#queue.shift()
      this.#handled = position
      this.#events.onHandled(position)
    }
    this.#isDelivering = false
    this.#events.onDrained()
  }
}
