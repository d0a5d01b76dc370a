import { asGatewayError, ERRORS, GatewayError, GOODBYES } from '../../shared/errors.ts'
import type { ErrorCode } from '../../shared/errors.ts'
import type {
  Done,
  Goodbye,
  RecalledAnswer,
  Refreshed,
  Refused,
  Subscribed,
  Unsubscribed,
} from '../../shared/protocol.ts'
import { isFeed, roomName } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import type { Admission } from '../auth/admission.ts'
import type { Principal } from '../auth/principal.ts'
import type { Logger } from '../ops/logger.ts'
import { Allowance } from './allowance.ts'
import { Attendance } from './attendance.ts'
import type { AttendanceDependencies, RoomSide } from './attendance.ts'
import { createDeadline } from './deadline.ts'
import { checkRecalled, checkRoom, checkSubscribe } from './payload-checks.ts'
import { createTurnstile } from '../turnstile.ts'

const REQUESTS_UNDER_WAY_AT_MOST = 100

/** What a session does to its socket. */
interface SocketSide extends RoomSide {
  /** Tells that the socket is not in a room any more without having asked for that. */
  tellUnsubscribed(unsubscribed: Unsubscribed): void
  /** Says why, and closes. */
  close(goodbye: Goodbye): void
}

export interface SessionDependencies extends Omit<AttendanceDependencies, 'socket' | 'largeInTurn'> {
  readonly socket: SocketSide
  readonly admission: Admission
  readonly log: Logger
}

/** What one socket may do and asks for. Requests about one room are served one after the other. */
export class Session {
  readonly #deps: SessionDependencies
  readonly #attendance: Attendance
  /** Until when the socket may be in the rooms it is in, or on its way into, by name. */
  readonly #until = new Map<string, { readonly room: Room; readonly ms: number }>()
  /**
   * What may be large is sent one after the other, each when the last one is on its way: however much a socket asks for
   * at once, little waits for it here.
   */
  readonly #largeInTurn = createTurnstile(1)
  readonly #queues = new Map<string, Promise<unknown>>()
  readonly #credentialEnds = createDeadline(() => this.#deps.socket.close(GOODBYES.CREDENTIAL_ENDED))
  readonly #grantEnds = createDeadline(() => void this.#recheckEnded())
  readonly #allowance = new Allowance()
  #principal: Principal
  #underWay = 0

  constructor(principal: Principal, dependencies: SessionDependencies) {
    this.#principal = principal
    this.#deps = dependencies
    this.#attendance = new Attendance({ ...dependencies, largeInTurn: this.#largeInTurn })
    this.#credentialEnds.set(principal.expiresAtMs)
  }

  /** Serves `subscribe`. See `Attendance.enter` for when it is answered. */
  async subscribe(payload: unknown, answer: (answer: Subscribed | Refused) => void): Promise<void> {
    await this.#serve(answer, async () => {
      const { since, ...room } = checkSubscribe(payload)
      await this.#inTurn(room, async () => {
        const ms = await this.#authorise(room)
        if (!this.#deps.socket.isOpen()) return
        const name = roomName(room)
        // Before it enters: what ends memberships and grants meanwhile must find the room.
        this.#until.set(name, { room, ms })
        this.#armGrants()
        const mayStay = (): boolean => Date.now() < (this.#until.get(name)?.ms ?? 0) && !this.#isTaken(room)
        const isIn = await this.#attendance
          .enter(room, since, { mayStay, answer })
          .catch((error: unknown) => {
            if (!this.#attendance.isIn(room)) this.#until.delete(name)
            throw error
          })
        if (!this.#deps.socket.isOpen()) return
        if (isIn && mayStay()) return
        // Taken in the meantime: telling what was missed may last long. It may or may not be answered already.
        this.#takeOut(room, 'ROOM_REFUSED')
        throw new GatewayError('ROOM_REFUSED')
      })
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
      await this.#authorise(conversation)
      await this.#largeInTurn(async () => {
        await this.#deps.socket.flushed()
        answer({ ok: true, recalled: await this.#deps.broker.recalled(conversation, seqs) })
      })
    })
  }

  /** Serves `refresh`: goes on with another credential of the same user. Rooms that it does not grant are left. */
  async refresh(payload: unknown, answer: (answer: Refreshed | Refused) => void): Promise<void> {
    await this.#serve(answer, async () => {
      const principal = await this.#deps.admission.authenticate(payload)
      const { id, role } = this.#principal
      if (principal.id !== id || principal.role !== role)
        throw new GatewayError('TOKEN_REFUSED', 'a refresh may not change who one is')
      if (!this.#deps.socket.isOpen()) return
      this.#principal = principal
      this.#credentialEnds.set(principal.expiresAtMs)
      answer({ ok: true, expiresAtMs: principal.expiresAtMs })
      await this.#recheckAll(this.#rooms())
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
    const rooms = this.#rooms().filter((room) => !isFeed(room) && room.group === group)
    await this.#recheckAll(rooms)
  }

  /** Does what was revoked from the user a moment ago. */
  applyRevocations(): void {
    if (this.#deps.admission.isBanned(this.#principal.id))
      return this.#deps.socket.close(GOODBYES.DISCONNECTED)
    for (const room of this.#rooms()) if (this.#isTaken(room)) this.#takeOut(room, 'ROOM_REFUSED')
  }

  /** The socket is gone. */
  end(): void {
    this.#credentialEnds.clear()
    this.#grantEnds.clear()
    this.#until.clear()
    this.#attendance.end()
  }

  /** Those that the socket is in, or on its way into. */
  #rooms(): Room[] {
    return [...this.#until.values()].map(({ room }) => room)
  }

  /** Answers until when. */
  #authorise(room: Room): Promise<number> {
    return this.#deps.admission.authorise(this.#principal, room)
  }

  #isTaken(room: Room): boolean {
    return this.#deps.admission.isTaken(this.#principal.id, room)
  }

  async #recheckEnded(): Promise<void> {
    const now = Date.now()
    // Then the socket is closed in this very moment, and rooms that it loses so are not refused.
    if (now >= this.#principal.expiresAtMs) return
    const ended = [...this.#until.values()].filter(({ ms }) => ms <= now)
    await this.#recheckAll(ended.map(({ room }) => room))
  }

  async #recheckAll(rooms: readonly Room[]): Promise<void> {
    await Promise.all(rooms.map((room) => this.#recheck(room)))
    this.#armGrants()
  }

  async #recheck(room: Room): Promise<void> {
    try {
      const ms = await this.#authorise(room)
      if (this.#until.has(roomName(room))) this.#until.set(roomName(room), { room, ms })
    } catch (error) {
      const { code, cause } = asGatewayError(error)
      if (code === 'INTERNAL') this.#deps.log.error({ err: cause }, 'grant of a socket could not be checked')
      this.#takeOut(room, code)
    }
  }

  #armGrants(): void {
    this.#grantEnds.set(Math.min(...[...this.#until.values()].map(({ ms }) => ms)))
  }

  #takeOut(room: Room, code: ErrorCode): void {
    if (!this.#until.has(roomName(room))) return
    this.#leave(room)
    const { text, retry } = ERRORS[code]
    this.#deps.socket.tellUnsubscribed({ room, code, message: text, retry })
  }

  #leave(room: Room): void {
    this.#until.delete(roomName(room))
    this.#attendance.leave(room)
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
      if (!this.#allowance.take() || this.#underWay > REQUESTS_UNDER_WAY_AT_MOST)
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
