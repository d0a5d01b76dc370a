import { asGatewayError, ERRORS, GatewayError, GOODBYES } from '../../../shared/errors.ts'
import type { ErrorCode } from '../../../shared/errors.ts'
import type { Done, RecalledResponse, Refreshed, Refused, Subscribed } from '../../../shared/protocol.ts'
import { isFeed, roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { Authorization } from '../../auth/authorization.ts'
import type { Principal } from '../../auth/principal.ts'
import type { Broker } from '../../broker/broker.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { TimerWheel } from '../../lib/timers.ts'
import { TokenBucket } from '../../lib/flow-control.ts'
import { Subscriptions } from './subscriptions.ts'
import { joinRoom } from './join.ts'
import type { JoinDependencies } from './join.ts'
import type { Transport } from './transport.ts'
import { parseRecalled, parseRoom, parseSubscribe } from './requests.ts'

const MAX_PENDING_REQUESTS = 100

/** What all sessions share. */
export interface SessionDependencies extends JoinDependencies {
  readonly broker: Pick<Broker, 'recalled'>
  readonly authorization: Authorization
  readonly timers: TimerWheel
  readonly log: Logger
}

/** What one socket may do and asks for. Requests about one room are served one after the other. */
export class Session {
  readonly #deps: SessionDependencies
  readonly #socket: Transport
  readonly #attendance: Subscriptions
  /** Requests under way, by room; there while there are any, because most sessions are quiet for hours. */
  #queues: Map<string, Promise<unknown>> | undefined
  readonly #allowance = new TokenBucket()
  #principal: Principal
  #underWay = 0
  /** When the next of what was granted ends. */
  #wakesAtMs = Infinity

  constructor(principal: Principal, socket: Transport, dependencies: SessionDependencies) {
    this.#principal = principal
    this.#socket = socket
    this.#deps = dependencies
    this.#attendance = new Subscriptions(socket, dependencies.rooms)
    this.#setAlarm()
  }

  /** Serves `subscribe`. See `joinRoom` for when it is answered. */
  async subscribe(payload: unknown, answer: (answer: Subscribed | Refused) => void): Promise<void> {
    await this.#serve(answer, async () => {
      const { since, ...room } = parseSubscribe(payload)
      await this.#limit(room, async () => {
        const ms = await this.#authorise(room)
        if (!this.#socket.isOpen()) return
        const isRevoked = (): boolean => this.#isTaken(room)
        const joining = joinRoom(
          {
            transport: this.#socket,
            subscriptions: this.#attendance,
            room,
            since,
            untilMs: ms,
            isRevoked,
            ack: answer,
          },
          this.#deps,
        )
        this.#setAlarm()
        const isIn = await joining
        if (!this.#socket.isOpen() || (isIn && !isRevoked())) return
        // Taken in the meantime: telling what was missed may last long. It may or may not be answered already.
        if (this.#attendance.has(room)) this.#takeOut(room, 'ROOM_REFUSED')
        throw new GatewayError('ROOM_REFUSED')
      })
    })
  }

  /** Serves `unsubscribe`; being in the room is not needed. */
  async unsubscribe(payload: unknown, answer: (answer: Done | Refused) => void): Promise<void> {
    await this.#serve(answer, async () => {
      const room = parseRoom(payload)
      await this.#limit(room, async () => this.#attendance.leave(room))
      answer({ ok: true })
    })
  }

  /** Serves `recalled`: granted to those who may be in the room of the conversation. */
  async recalled(payload: unknown, answer: (answer: RecalledResponse | Refused) => void): Promise<void> {
    await this.#serve(answer, async () => {
      const { seqs, ...conversation } = parseRecalled(payload)
      await this.#authorise(conversation)
      await this.#attendance.oneLargeAtATime(async () => {
        await this.#socket.flushed()
        answer({ ok: true, recalled: await this.#deps.broker.recalled(conversation, seqs) })
      })
    })
  }

  /** Serves `refresh`: goes on with another credential of the same user. Rooms that it does not grant are left. */
  async refresh(payload: unknown, answer: (answer: Refreshed | Refused) => void): Promise<void> {
    await this.#serve(answer, async () => {
      const principal = await this.#deps.authorization.authenticate(payload)
      const { id, role } = this.#principal
      if (principal.id !== id || principal.role !== role)
        throw new GatewayError('TOKEN_REFUSED', 'a refresh may not change who one is')
      if (!this.#socket.isOpen()) return
      this.#principal = principal
      this.#setAlarm()
      answer({ ok: true, expiresAtMs: principal.expiresAtMs })
      await this.#recheckAll(this.#attendance.rooms())
    })
  }

  /** Answers a request that there is not; it counts like any other. */
  async refuseUnknown(answer: (answer: Refused) => void): Promise<void> {
    await this.#serve(answer, async () => {
      throw new GatewayError('REQUEST_MALFORMED', 'there is no request of this name')
    })
  }

  /** Looks again whether the socket may be in the rooms of this group, and takes it out of those where it may not. */
  async recheckGroup(group: string): Promise<void> {
    const rooms = this.#attendance.rooms().filter((room) => !isFeed(room) && room.group === group)
    await this.#recheckAll(rooms)
  }

  /** Does what was revoked from the user a moment ago. */
  applyRevocations(): void {
    if (this.#deps.authorization.isBanned(this.#principal.id))
      return this.#socket.close(GOODBYES.DISCONNECTED)
    for (const room of this.#attendance.rooms()) if (this.#isTaken(room)) this.#takeOut(room, 'ROOM_REFUSED')
  }

  /** The socket is gone. */
  end(): void {
    this.#deps.timers.cancel(this, this.#wakesAtMs)
    this.#wakesAtMs = Infinity
    this.#attendance.end()
  }

  /** Ends what has ended by now. */
  onTimer(): void {
    const now = Date.now()
    if (now < this.#wakesAtMs) {
      // A timer may be a little early, or was set for what has been prolonged since.
      this.#deps.timers.schedule(this, this.#wakesAtMs)
    } else if (now >= this.#principal.expiresAtMs) {
      // Then the socket is closed in this very moment, and rooms that it loses so are not refused.
      this.#socket.close(GOODBYES.CREDENTIAL_ENDED)
    } else {
      // The credential may end while that is being found out.
      this.#wakesAtMs = this.#principal.expiresAtMs
      this.#deps.timers.schedule(this, this.#wakesAtMs)
      void this.#recheckAll(this.#attendance.expired(now))
    }
  }

  /** Answers until when. */
  #authorise(room: Room): Promise<number> {
    return this.#deps.authorization.authorise(this.#principal, room)
  }

  #isTaken(room: Room): boolean {
    return this.#deps.authorization.isRevoked(this.#principal.id, room)
  }

  async #recheckAll(rooms: readonly Room[]): Promise<void> {
    await Promise.all(rooms.map((room) => this.#recheck(room)))
    this.#setAlarm()
  }

  async #recheck(room: Room): Promise<void> {
    try {
      this.#attendance.setExpiry(room, await this.#authorise(room))
    } catch (error) {
      const { code, cause } = asGatewayError(error)
      if (code === 'INTERNAL') this.#deps.log.error({ err: cause }, 'grant of a socket could not be checked')
      if (this.#attendance.has(room)) this.#takeOut(room, code)
    }
  }

  #setAlarm(): void {
    // Rechecked after it was gone: nobody would clear it any more.
    if (!this.#socket.isOpen()) return
    const next = Math.min(this.#principal.expiresAtMs, this.#attendance.nextExpiryMs())
    if (next === this.#wakesAtMs) return
    this.#deps.timers.cancel(this, this.#wakesAtMs)
    this.#wakesAtMs = next
    this.#deps.timers.schedule(this, next)
  }

  #takeOut(room: Room, code: ErrorCode): void {
    this.#attendance.leave(room)
    const { text, retry } = ERRORS[code]
    this.#socket.sendUnsubscribed({ room, code, message: text, retry })
  }

  async #limit(room: Room, work: () => Promise<void>): Promise<void> {
    const name = roomName(room)
    const queues = (this.#queues ??= new Map())
    const turn = (queues.get(name) ?? Promise.resolve()).then(work, work)
    queues.set(name, turn)
    try {
      await turn
    } finally {
      if (queues.get(name) === turn) queues.delete(name)
      if (queues.size === 0) this.#queues = undefined
    }
  }

  async #serve(answer: (refused: Refused) => void, work: () => Promise<void>): Promise<void> {
    this.#underWay++
    try {
      if (!this.#allowance.tryTake() || this.#underWay > MAX_PENDING_REQUESTS)
        throw new GatewayError('TOO_MANY_REQUESTS')
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
