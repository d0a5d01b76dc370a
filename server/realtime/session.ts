import { setTimeout as delay } from 'node:timers/promises'
import { asGatewayError, ERRORS, GatewayError } from '../../shared/errors.ts'
import type { Notice } from '../../shared/notice.ts'
import type { GapReason, Position } from '../../shared/position.ts'
import type { Done, RecalledAnswer, Refused, Subscribed } from '../../shared/protocol.ts'
import { isFeed, roomName } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import { authorise } from '../auth/authorise.ts'
import type { Principal } from '../auth/principal.ts'
import type { Broker } from '../broker/broker.ts'
import type { Logger } from '../ops/logger.ts'
import type { Metrics } from '../ops/metrics.ts'
import { PAGE_NOTICES } from './local-room.ts'
import type { LocalRoom } from './local-room.ts'
import type { LocalRooms } from './local-rooms.ts'
import type { Turnstile } from './turnstile.ts'
import { missedSince } from './missed.ts'
import { checkRecalled, checkRoom, checkSubscribe } from './payload-checks.ts'

const ROOMS_AT_MOST = 1_000
const REQUESTS_UNDER_WAY_AT_MOST = 100
/** Reads of the log for one resume; enough for the most that is replayed while the room goes on. */
const READS_AT_MOST = 20
/** While Redis is away a room cannot catch up, and a client should rather ask again than wait. */
const CATCH_UP_WITHIN_MS = 3_000

/** What a session does to its socket. */
interface SocketSide {
  isOpen(): boolean
  /** From now on, the socket gets what is sent to the room. */
  join(room: Room): void
  leave(room: Room): void
  replay(room: Room, epoch: string, notices: readonly Notice[]): void
}

/** What was missed up to where the room stands, or why that cannot be told. */
interface Known {
  readonly notices?: readonly Notice[]
  readonly gap?: GapReason
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
      answer({ ok: true, recalled: await this.#deps.broker.recalled(conversation, seqs) })
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
      if (since === undefined) this.#enter(local, { notices: [] }, answer)
      else await this.#resume(local, since, answer)
    } catch (error) {
      this.#deps.rooms.release(local)
      throw error
    }
  }

  /** Reads the log until it is known what was missed up to where the room stands, and enters in that very moment. */
  async #resume(local: LocalRoom, since: Position, answer: (answer: Subscribed) => void): Promise<void> {
    const { epoch, offset } = local.position
    // The client knows more than this node, or another log: the node may be the one that is behind.
    if (since.epoch !== epoch || since.offset > offset) await this.#catchUp(local)
    const read: Notice[] = []
    for (let reads = 0; reads < READS_AT_MOST; reads++) {
      const missed = missedSince(since, local, read)
      if (!('readAfter' in missed)) return this.#enterAgain(local, missed, answer)
      const from = { epoch: since.epoch, offset: missed.readAfter }
      const history = await this.#deps.readInTurn(() =>
        this.#deps.broker.history(local.room, from, PAGE_NOTICES),
      )
      if (history.gap !== undefined) return this.#enterAgain(local, history, answer)
      read.push(...history.notices)
    }
    this.#enterAgain(local, { gap: 'too-many' }, answer)
  }

  #enterAgain(local: LocalRoom, missed: Known, answer: (answer: Subscribed) => void): void {
    const outcome = missed.notices?.length ? 'recovered' : 'nothing-missed'
    this.#deps.metrics.resumed(missed.gap === undefined ? outcome : 'gap')
    this.#enter(local, missed, answer)
  }

  /**
   * Answers, sends what was missed, and joins, all in one turn: between any two of these a notice could come and be in
   * neither what was missed nor what is live.
   */
  #enter(local: LocalRoom, missed: Known, answer: (answer: Subscribed) => void): void {
    const { room } = local
    if (!this.#deps.socket.isOpen()) return this.#deps.rooms.release(local)
    local.flush()
    // Only now: a request that fails leaves the socket in the room as it was.
    this.#leave(room)
    const notices = missed.notices ?? []
    const { position } = local
    answer({ ok: true, room, position, recovered: notices.length, ...(missed.gap && { gap: missed.gap }) })
    this.#deps.socket.replay(room, position.epoch, notices)
    this.#deps.socket.join(room)
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
