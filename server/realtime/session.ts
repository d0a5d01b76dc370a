import { setTimeout as delay } from 'node:timers/promises'
import { asGatewayError, ERRORS, GatewayError } from '../../shared/errors.ts'
import type { Notice } from '../../shared/notice.ts'
import type { GapReason, Position } from '../../shared/position.ts'
import type { Done, RecalledAnswer, Refused, Subscribed } from '../../shared/protocol.ts'
import { isFeed, roomName } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import { authorise } from '../auth/authorise.ts'
import type { Principal } from '../auth/principal.ts'
import type { Broker, History } from '../broker/broker.ts'
import type { Logger } from '../ops/logger.ts'
import type { Metrics } from '../ops/metrics.ts'
import { PAGE_NOTICES } from './local-room.ts'
import type { LocalRoom } from './local-room.ts'
import type { LocalRooms } from './local-rooms.ts'
import { createTurnstile } from './turnstile.ts'
import type { Turnstile } from './turnstile.ts'
import { checkRecalled, checkRoom, checkSubscribe } from './payload-checks.ts'
import { replay } from './replay.ts'
import type { Missed } from './replay.ts'

const ROOMS_AT_MOST = 1_000
const REQUESTS_UNDER_WAY_AT_MOST = 100
const READ_AGAIN_AFTER_MS = 1_000
/** While Redis is away a room cannot catch up, and a client should rather ask again than wait. */
const CATCH_UP_WITHIN_MS = 3_000

/** What a session does to its socket. */
interface SocketSide {
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

interface SessionDependencies {
  readonly socket: SocketSide
  readonly rooms: LocalRooms
  readonly broker: Broker
  /** Bounds what is read for all sockets of the node at a time. */
  readonly readInTurn: Turnstile
  readonly metrics: Metrics
  readonly log: Logger
}

/** What one socket asked for and is in. Requests about one room are served one after the other. */
export class Session {
  readonly #principal: Principal
  readonly #deps: SessionDependencies
  readonly #joined = new Map<string, LocalRoom>()
  /**
   * What may be large is sent one after the other, each when the last one is on its way: however much a socket asks for
   * at once, little waits for it here.
   */
  readonly #largeInTurn = createTurnstile(1)
  readonly #queues = new Map<string, Promise<unknown>>()
  #underWay = 0
  #entering = 0

  constructor(principal: Principal, dependencies: SessionDependencies) {
    this.#principal = principal
    this.#deps = dependencies
  }

  /**
   * Serves `subscribe`. The answer is given by calling `answer` in the very moment in which the socket joins the room,
   * so that what was missed follows it and everything later follows that.
   */
  async subscribe(payload: unknown, answer: (answer: Subscribed | Refused) => void): Promise<void> {
    await this.#serve(answer, async () => {
      const { since, ...room } = checkSubscribe(payload)
      this.#authorise(room)
      await this.#inTurn(room, () => this.#join(room, since, answer))
    })
  }

  /** Serves `unsubscribe`; being in the room is not needed. */
  async unsubscribe(payload: unknown, answer: (answer: Done | Refused) => void): Promise<void> {
    await this.#serve(answer, async () => {
      const room = checkRoom(payload)
      await this.#inTurn(room, async () => this.#leave(room))
      answer({ ok: true })
    })
  }

  /** Serves `recalled`: granted to those who may be in the room of the conversation. */
  async recalled(payload: unknown, answer: (answer: RecalledAnswer | Refused) => void): Promise<void> {
    await this.#serve(answer, async () => {
      const { seqs, ...conversation } = checkRecalled(payload)
      this.#authorise(conversation)
      await this.#largeInTurn(async () => {
        await this.#deps.socket.flushed()
        answer({ ok: true, recalled: await this.#deps.broker.recalled(conversation, seqs) })
      })
    })
  }

  /** The socket is gone: lets go of every room. */
  end(): void {
    for (const room of this.#joined.values()) this.#deps.rooms.release(room)
    this.#joined.clear()
  }

  #authorise(room: Room): void {
    if (authorise(this.#principal, room) !== undefined) return
    throw new GatewayError(
      'ROOM_REFUSED',
      isFeed(room) ? 'the feed is for admins' : 'the token does not name it',
    )
  }

  async #join(room: Room, since: Position | undefined, answer: (answer: Subscribed) => void): Promise<void> {
    if (!this.#joined.has(roomName(room)) && this.#joined.size + this.#entering >= ROOMS_AT_MOST) {
      throw new GatewayError('TOO_MANY_ROOMS')
    }
    this.#entering++
    try {
      await this.#acquireAndEnter(room, since, answer)
    } finally {
      this.#entering--
    }
  }

  async #acquireAndEnter(
    room: Room,
    since: Position | undefined,
    answer: (answer: Subscribed) => void,
  ): Promise<void> {
    const local = await this.#deps.rooms.acquire(room)
    try {
      if (since === undefined) this.#enter(local, {}, () => this.#answer(local, {}, answer))
      else await this.#resume(local, since, answer)
    } catch (error) {
      this.#deps.rooms.release(local)
      throw error
    }
  }

  /** Answers, tells what was missed, and enters; with much missed, what was missed is still on its way after the answer. */
  async #resume(local: LocalRoom, since: Position, answer: (answer: Subscribed) => void): Promise<void> {
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
    const isEntered = await this.#largeInTurn(() =>
      replay(since, local, {
        isOpen: socket.isOpen,
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
    this.#leave(room)
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

  #leave(room: Room): void {
    const name = roomName(room)
    const local = this.#joined.get(name)
    if (local === undefined) return
    this.#joined.delete(name)
    this.#deps.socket.leave(room)
    this.#deps.rooms.release(local)
  }

  async #inTurn(room: Room, work: () => Promise<void>): Promise<void> {
    const name = roomName(room)
    const turn = (this.#queues.get(name) ?? Promise.resolve()).then(work, work)
    this.#queues.set(name, turn)
    try {
      await turn
    } finally {
      if (this.#queues.get(name) === turn) this.#queues.delete(name)
    }
  }

  async #serve(answer: (refused: Refused) => void, work: () => Promise<void>): Promise<void> {
    this.#underWay++
    try {
      if (this.#underWay > REQUESTS_UNDER_WAY_AT_MOST) throw new GatewayError('TOO_MANY_REQUESTS')
      await work()
    } catch (error) {
      const { code, message, cause } = asGatewayError(error)
      if (code === 'INTERNAL') this.#deps.log.error({ err: cause }, 'request of a socket failed')
      answer({ ok: false, code, message, retry: ERRORS[code].retry })
    } finally {
      this.#underWay--
    }
  }
}

function outcomeOf({ notices = [], gap }: Missed, recovered = notices.length) {
  if (gap !== undefined) return 'gap'
  return recovered > 0 ? 'recovered' : 'nothing-missed'
}
