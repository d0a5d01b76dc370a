import { setTimeout as delay } from 'node:timers/promises'
import { GatewayError } from '../../../shared/errors.ts'
import type { Position } from '../../../shared/position.ts'
import type { Subscribed } from '../../../shared/protocol.ts'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { History } from '../../broker/broker.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { LocalRoom } from '../rooms/local-room.ts'
import type { LocalRooms } from '../rooms/local-rooms.ts'
import { replay } from './join.ts'
import type { Missed } from './join.ts'
import type { RoomTransport } from './transport.ts'
import type { ReadPage } from '../rooms/local-rooms.ts'
import { createLimiter } from '../../lib/flow-control.ts'
import type { Limiter } from '../../lib/flow-control.ts'

const MAX_ROOMS = 1_000
const READ_AGAIN_AFTER_MS = 1_000
/** While Redis is away a room cannot catch up, and a client should rather ask again than wait. */
const CATCH_UP_TIMEOUT_MS = 3_000

/** What all attendances share. */
export interface SubscriptionsDependencies {
  readonly rooms: LocalRooms
  readonly readPage: ReadPage
  readonly metrics: Metrics
}

interface Entering {
  /** Until when the room is granted, in ms since 1970. */
  readonly untilMs: number
  /** Whether the room was taken from the user. */
  readonly isRevoked: () => boolean
  readonly answer: (answer: Subscribed) => void
}

/** The place of a socket in a room that it is in, or on its way into. */
interface Subscription {
  room: Room
  /** Until when the socket may be there without being asked about again. */
  untilMs: number
  /** Undefined on the way. */
  local: LocalRoom | undefined
}

/** How a socket gets into a room. */
interface Join extends Pick<Entering, 'answer'> {
  readonly seat: Subscription
  readonly mayStay: () => boolean
}

/** The rooms that one socket is in, and how it gets in and out. */
export class Subscriptions {
  readonly #deps: SubscriptionsDependencies
  readonly #socket: RoomTransport
  readonly #seats = new Map<string, Subscription>()
  /** Rooms on whose way the socket is; there while there are any, because most sockets are quiet for hours. */
  #pending: Map<string, Subscription> | undefined
  #largeInTurn: Limiter | undefined

  constructor(socket: RoomTransport, dependencies: SubscriptionsDependencies) {
    this.#socket = socket
    this.#deps = dependencies
  }

  /**
   * What may be large is sent one after the other, each when the last one is on its way: however much a socket asks for at
   * once, little waits for it here.
   */
  get oneLargeAtATime(): Limiter {
    return (this.#largeInTurn ??= createLimiter(1))
  }

  /** Those that the socket is in, or on its way into. */
  rooms(): Room[] {
    return this.#places().map(({ room }) => room)
  }

  /** Those in which the socket may not be any more at this time without being asked about again. */
  ended(nowMs: number): Room[] {
    return this.#places()
      .filter(({ untilMs }) => untilMs <= nowMs)
      .map(({ room }) => room)
  }

  /** When the next of its rooms ends; Infinity without any. */
  nextEndMs(): number {
    let next = Infinity
    for (const { untilMs } of this.#seats.values()) next = Math.min(next, untilMs)
    for (const { untilMs } of this.#pending?.values() ?? []) next = Math.min(next, untilMs)
    return next
  }

  /** Whether the socket is in the room, or on its way into it. */
  has(room: Room): boolean {
    const name = roomName(room)
    return this.#seats.has(name) || this.#pending?.has(name) === true
  }

  /** Harmless for a room that the socket is not in. */
  setEnd(room: Room, untilMs: number): void {
    const name = roomName(room)
    for (const seat of [this.#seats.get(name), this.#pending?.get(name)]) if (seat) seat.untilMs = untilMs
  }

  /**
   * Enters the room, from `since` or from now. `answer` is called in the very moment in which the socket joins, or, when
   * much was missed, before the first part of that. While that goes on, the room can end, be taken or be left. Answers
   * whether the socket is in the room then. Rejects with TOO_MANY_ROOMS or BROKER_UNAVAILABLE; then the socket is where it
   * was.
   */
  async subscribe(room: Room, since: Position | undefined, entering: Entering): Promise<boolean> {
    const name = roomName(room)
    const onTheWay = (this.#pending ??= new Map())
    if (!this.#seats.has(name) && this.#seats.size + onTheWay.size >= MAX_ROOMS) {
      throw new GatewayError('TOO_MANY_ROOMS')
    }
    const seat: Subscription = { room, untilMs: entering.untilMs, local: undefined }
    onTheWay.set(name, seat)
    // What was granted just now holds for the seat that the socket may still have, too.
    this.setEnd(room, entering.untilMs)
    const mayStay = (): boolean =>
      onTheWay.get(name) === seat && Date.now() < seat.untilMs && !entering.isRevoked()
    try {
      await this.#acquireAndEnter(room, since, { seat, mayStay, answer: entering.answer })
      return this.#seats.get(name) === seat
    } catch (error) {
      this.#arrive(name)
      throw error
    }
  }

  /** Harmless for a room that the socket is not in. */
  leave(room: Room): void {
    this.#arrive(roomName(room))
    this.#leaveSeat(room)
  }

  /** The socket is gone: lets go of every room. */
  end(): void {
    for (const { room } of this.#seats.values()) this.#leaveSeat(room)
    this.#pending = undefined
  }

  #places(): Subscription[] {
    return [...new Map([...this.#seats, ...(this.#pending ?? [])]).values()]
  }

  /** The socket is not on its way into the room any more. */
  #arrive(name: string): void {
    this.#pending?.delete(name)
    if (this.#pending?.size === 0) this.#pending = undefined
  }

  #leaveSeat(room: Room): void {
    const name = roomName(room)
    const seat = this.#seats.get(name)
    if (seat === undefined) return
    this.#seats.delete(name)
    this.#socket.leave(room)
    if (seat.local) this.#deps.rooms.release(seat.local)
  }

  async #acquireAndEnter(room: Room, since: Position | undefined, way: Join): Promise<void> {
    const local = await this.#deps.rooms.acquire(room)
    try {
      if (since === undefined) this.#enter(local, {}, way, () => this.#answer(local, {}, way.answer))
      else await this.#resume(local, since, way)
    } catch (error) {
      this.#deps.rooms.release(local)
      throw error
    }
  }

  /** Answers, tells what was missed, and enters; with much missed, what was missed is still on its way after the answer. */
  async #resume(local: LocalRoom, since: Position, way: Join): Promise<void> {
    const { mayStay, answer } = way
    const { room } = local
    const { epoch, offset } = local.position
    // The client knows more than this node, or another log: the node may be the one that is behind.
    if (since.epoch !== epoch || since.offset > offset) await this.#catchUp(local)
    const socket = this.#socket
    const { metrics } = this.#deps
    let isAnswered = false
    const answerOnce = (missed: Missed, recovered?: number): void => {
      if (isAnswered) return missed.gap && socket.sendGap(room, missed.gap, local.position)
      isAnswered = true
      metrics.resumed(outcomeOf(missed, recovered))
      this.#answer(local, missed, answer, recovered)
    }
    const isEntered = await this.oneLargeAtATime(() =>
      replay(since, local, {
        isOpen: () => socket.isOpen() && mayStay(),
        flushed: () => socket.flushed(),
        read: (from) => this.#read(local, from, () => isAnswered),
        send: (notices) => {
          answerOnce({}, local.position.offset - since.offset)
          socket.replay(room, since.epoch, notices)
        },
        subscribe: (missed) => this.#enter(local, missed, way, () => answerOnce(missed)),
      }),
    )
    if (!isEntered) this.#deps.rooms.release(local)
  }

  /** Reads a page of a log. Who was promised the rest is not refused it: then it is tried until the socket is gone. */
  async #read(local: LocalRoom, since: Position, isPromised: () => boolean): Promise<History> {
    for (;;) {
      try {
        return await this.#deps.readPage(local, since)
      } catch (error) {
        if (!isPromised() || !this.#socket.isOpen()) throw error
        await delay(Math.random() * READ_AGAIN_AFTER_MS, undefined, { ref: false })
      }
    }
  }

  /** Ends what the socket had of the room before, and says from where it goes on. */
  #answer(
    { room, position }: LocalRoom,
    { notices = [], gap }: Missed,
    answer: (answer: Subscribed) => void,
    recovered = notices.length,
  ): void {
    // Only now: a request that fails leaves the socket in the room as it was.
    this.#leaveSeat(room)
    answer({ ok: true, room, position, recovered, ...(gap && { gap }) })
  }

  /**
   * Answers, sends what was missed, and joins, all in one turn: between any two of these a notice could come and be in
   * neither what was missed nor what is live.
   */
  #enter(local: LocalRoom, { notices = [] }: Missed, { seat, mayStay }: Join, tell: () => void): void {
    const { room } = local
    const socket = this.#socket
    const { rooms } = this.#deps
    if (!socket.isOpen() || !mayStay()) return rooms.release(local)
    local.flush()
    tell()
    socket.replay(room, local.position.epoch, notices)
    socket.join(room)
    this.#arrive(local.name)
    this.#seats.set(local.name, Object.assign(seat, { room, local }))
  }

  async #catchUp(local: LocalRoom): Promise<void> {
    const given = new AbortController()
    const tooLate = delay(CATCH_UP_TIMEOUT_MS, 'too late', { signal: given.signal }).catch(() => undefined)
    const outcome = await Promise.race([local.catchUp(), tooLate])
    given.abort()
    if (outcome === 'too late') throw new GatewayError('BROKER_UNAVAILABLE')
  }
}

function outcomeOf({ notices = [], gap }: Missed, recovered = notices.length) {
  if (gap !== undefined) return 'gap'
  return recovered > 0 ? 'recovered' : 'nothing-missed'
}
