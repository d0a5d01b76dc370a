import { setTimeout as delay } from 'node:timers/promises'
import { GatewayError } from '../../shared/errors.ts'
import type { Notice } from '../../shared/notice.ts'
import type { GapReason, Position } from '../../shared/position.ts'
import type { Subscribed } from '../../shared/protocol.ts'
import { roomName } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import type { Broker, History } from '../broker/broker.ts'
import type { Metrics } from '../ops/metrics.ts'
import { PAGE_NOTICES } from './local-room.ts'
import type { LocalRoom } from './local-room.ts'
import type { LocalRooms } from './local-rooms.ts'
import { replay } from './replay.ts'
import type { Missed } from './replay.ts'
import type { Turnstile } from '../turnstile.ts'

const ROOMS_AT_MOST = 1_000
const READ_AGAIN_AFTER_MS = 1_000
/** While Redis is away a room cannot catch up, and a client should rather ask again than wait. */
const CATCH_UP_WITHIN_MS = 3_000

/** What is done to a socket that enters and leaves rooms. */
export interface RoomSide {
  readonly isOpen: () => boolean
  /** Resolves once all that was sent so far is on its way, or the socket is closed. */
  readonly flushed: () => Promise<void>
  /** From now on, the socket gets what is sent to the room. */
  join(room: Room): void
  leave(room: Room): void
  replay(room: Room, epoch: string, notices: readonly Notice[]): void
  /** Tells that notices are missing, and where the room goes on. */
  tellGap(room: Room, reason: GapReason, position: Position): void
}

export interface AttendanceDependencies {
  readonly socket: RoomSide
  readonly rooms: LocalRooms
  readonly broker: Broker
  /** Bounds what is read for all sockets of the node at a time. */
  readonly readInTurn: Turnstile
  /** What may be large is sent to the socket one after the other. */
  readonly largeInTurn: Turnstile
  readonly metrics: Metrics
}

interface Entering {
  readonly mayStay: () => boolean
  readonly answer: (answer: Subscribed) => void
}

/** The rooms that one socket is in, and how it gets in and out. */
export class Attendance {
  readonly #deps: AttendanceDependencies
  readonly #joined = new Map<string, LocalRoom>()
  #entering = 0

  constructor(dependencies: AttendanceDependencies) {
    this.#deps = dependencies
  }

  isIn(room: Room): boolean {
    return this.#joined.has(roomName(room))
  }

  /**
   * Enters the room, from `since` or from now. `answer` is called in the very moment in which the socket joins, or, when
   * much was missed, before the first part of that. `mayStay` is asked again and again while that goes on. Answers whether
   * the socket is in the room then. Rejects with TOO_MANY_ROOMS or BROKER_UNAVAILABLE; then the socket is where it was.
   */
  async enter(room: Room, since: Position | undefined, { mayStay, answer }: Entering): Promise<boolean> {
    if (!this.#joined.has(roomName(room)) && this.#joined.size + this.#entering >= ROOMS_AT_MOST) {
      throw new GatewayError('TOO_MANY_ROOMS')
    }
    this.#entering++
    try {
      await this.#acquireAndEnter(room, since, { mayStay, answer })
      return this.#joined.has(roomName(room))
    } finally {
      this.#entering--
    }
  }

  /** Harmless for a room that the socket is not in. */
  leave(room: Room): void {
    const name = roomName(room)
    const local = this.#joined.get(name)
    if (local === undefined) return
    this.#joined.delete(name)
    this.#deps.socket.leave(room)
    this.#deps.rooms.release(local)
  }

  /** The socket is gone: lets go of every room. */
  end(): void {
    for (const room of this.#joined.values()) this.#deps.rooms.release(room)
    this.#joined.clear()
  }

  async #acquireAndEnter(room: Room, since: Position | undefined, entering: Entering): Promise<void> {
    const local = await this.#deps.rooms.acquire(room)
    try {
      if (since === undefined) this.#enter(local, {}, () => this.#answer(local, {}, entering.answer))
      else await this.#resume(local, since, entering)
    } catch (error) {
      this.#deps.rooms.release(local)
      throw error
    }
  }

  /** Answers, tells what was missed, and enters; with much missed, what was missed is still on its way after the answer. */
  async #resume(local: LocalRoom, since: Position, { mayStay, answer }: Entering): Promise<void> {
    const { room } = local
    const { epoch, offset } = local.position
    // The client knows more than this node, or another log: the node may be the one that is behind.
    if (since.epoch !== epoch || since.offset > offset) await this.#catchUp(local)
    const { socket, metrics } = this.#deps
    let isAnswered = false
    const answerOnce = (missed: Missed, recovered?: number): void => {
      if (isAnswered) return missed.gap && socket.tellGap(room, missed.gap, local.position)
      isAnswered = true
      metrics.resumed(outcomeOf(missed, recovered))
      this.#answer(local, missed, answer, recovered)
    }
    const isEntered = await this.#deps.largeInTurn(() =>
      replay(since, local, {
        isOpen: () => socket.isOpen() && mayStay(),
        flushed: socket.flushed,
        read: (from) => this.#read(room, from, () => isAnswered),
        send: (notices) => {
          answerOnce({}, local.position.offset - since.offset)
          socket.replay(room, since.epoch, notices)
        },
        enter: (missed) => this.#enter(local, missed, () => answerOnce(missed)),
      }),
    )
    if (!isEntered) this.#deps.rooms.release(local)
  }

  /** Reads a page of a log. Who was promised the rest is not refused it: then it is tried until the socket is gone. */
  async #read(room: Room, since: Position, isPromised: () => boolean): Promise<History> {
    for (;;) {
      try {
        return await this.#deps.readInTurn(() => this.#deps.broker.history(room, since, PAGE_NOTICES))
      } catch (error) {
        if (!isPromised() || !this.#deps.socket.isOpen()) throw error
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
    this.leave(room)
    answer({ ok: true, room, position, recovered, ...(gap && { gap }) })
  }

  /**
   * Answers, sends what was missed, and joins, all in one turn: between any two of these a notice could come and be in
   * neither what was missed nor what is live.
   */
  #enter(local: LocalRoom, { notices = [] }: Missed, tell: () => void): void {
    const { room } = local
    const { socket, rooms } = this.#deps
    if (!socket.isOpen()) return rooms.release(local)
    local.flush()
    tell()
    socket.replay(room, local.position.epoch, notices)
    socket.join(room)
    this.#joined.set(roomName(room), local)
  }

  async #catchUp(local: LocalRoom): Promise<void> {
    const given = new AbortController()
    const tooLate = delay(CATCH_UP_WITHIN_MS, 'too late', { signal: given.signal }).catch(() => undefined)
    const outcome = await Promise.race([local.catchUp(), tooLate])
    given.abort()
    if (outcome === 'too late') throw new GatewayError('BROKER_UNAVAILABLE')
  }
}

function outcomeOf({ notices = [], gap }: Missed, recovered = notices.length) {
  if (gap !== undefined) return 'gap'
  return recovered > 0 ? 'recovered' : 'nothing-missed'
}
