import { asGatewayError, GatewayError, GOODBYES } from '../../../shared/errors.ts'
import type { Position } from '../../../shared/position.ts'
import type { Done, RecalledResponse, Refreshed, Subscribed } from '../../../shared/protocol.ts'
import type { Room } from '../../../shared/room.ts'
import { revokedRoom } from '../../auth/authorization.ts'
import type { Authorization } from '../../auth/authorization.ts'
import type { Principal } from '../../auth/principal.ts'
import { expired } from '../../auth/refused.ts'
import type { Broker } from '../../broker/broker.ts'
import type { TimerWheel } from '../../lib/timers.ts'
import type { PreparedDelivery } from '../rooms/prepared-event.ts'
import { joinRoom } from './join.ts'
import type { JoinDependencies } from './join.ts'
import { parseRecalled, parseRoom, parseSubscribe } from './requests.ts'
import { Serving } from './serving.ts'
import type { Ack, ServingDependencies } from './serving.ts'
import { Subscriptions } from './subscriptions.ts'
import type { Subscription } from './subscriptions.ts'
import type { Transport } from './transport.ts'

/** Shared by all sessions. */
export interface SessionDependencies extends JoinDependencies, ServingDependencies {
  readonly broker: Pick<Broker, 'recalled'>
  readonly authorization: Authorization
  readonly timers: TimerWheel
}

/** What a session is at the moment, for admins who ask. */
interface SessionState {
  readonly principal: Principal
  readonly transport: Pick<Transport, 'kind' | 'protocolVersion' | 'waitingBytes'>
  readonly connectedAtMs: number
  readonly subscriptions: readonly Subscription[]
}

/** One connection's requests and grants. A single timer waits for the earliest expiry of what has been granted. */
export class Session {
  readonly #deps: SessionDependencies
  readonly #transport: Transport
  readonly #subscriptions: Subscriptions
  readonly #serving: Serving
  readonly #connectedAtMs = Date.now()
  #principal: Principal
  #rechecks = 0
  #timerAtMs = Infinity

  constructor(principal: Principal, transport: Transport, dependencies: SessionDependencies) {
    this.#principal = principal
    this.#transport = transport
    this.#deps = dependencies
    this.#subscriptions = new Subscriptions(transport, dependencies.rooms)
    this.#serving = new Serving(principal.id, transport, dependencies)
    this.#scheduleExpiry()
  }

  /** Serves `subscribe`. See `joinRoom` for when it is acknowledged. */
  async subscribe(payload: unknown, ack: Ack<Subscribed>): Promise<void> {
    await this.#serving.serve(payload, ack, async () => {
      const { since, ...room } = parseSubscribe(payload)
      await this.#serving.inOrder(room, async () => {
        const turn = this.#serving.turn()
        if (turn) await turn
        if (!this.#transport.isOpen()) return
        await this.#join(room, since, (response) => {
          if (response.ok) this.#serving.chargeNotices(response.recovered)
          ack(response)
        })
      })
    })
  }

  /** Serves `unsubscribe`; succeeds without a subscription too. */
  async unsubscribe(payload: unknown, ack: Ack<Done>): Promise<void> {
    await this.#serving.serve(payload, ack, async () => {
      const room = parseRoom(payload)
      await this.#serving.inOrder(room, async () => {
        await this.#serving.turn()
        this.#subscriptions.leave(room)
      })
      ack({ ok: true })
    })
  }

  /** Serves `recalled`: needs a grant of the conversation's room, but no subscription. */
  async recalled(payload: unknown, ack: Ack<RecalledResponse>): Promise<void> {
    await this.#serving.serve(payload, ack, async () => {
      const { seqs, keys, ...conversation } = parseRecalled(payload)
      await this.#authorize(conversation)
      const { broker, turns } = this.#deps
      await this.#subscriptions.oneLargeAtATime(async () => {
        // Before its turn, which a client that does not read would keep from others.
        await this.#transport.flushed()
        await this.#serving.large(async () => {
          if (!this.#transport.isOpen()) return
          // It may have waited for seconds, in which the grant can have ended in any way.
          await this.#authorize(conversation)
          const recalled = await broker.recalled(conversation, seqs ?? keys)
          await turns.goOn()
          ack({ ok: true, recalled })
        })
      })
    })
  }

  /** Serves `refresh`: continues with another credential of the same user, and leaves the rooms it does not grant. */
  async refresh(payload: unknown, ack: Ack<Refreshed>): Promise<void> {
    await this.#serving.serve(payload, ack, async () => {
      await this.#serving.turn()
      const principal = await this.#deps.authorization.authenticate(payload)
      const { id, role } = this.#principal
      if (principal.id !== id || principal.role !== role)
        throw new GatewayError('TOKEN_REFUSED', 'a refresh must not change the user or the role')
      if (!this.#transport.isOpen()) return
      this.#principal = principal
      this.#scheduleExpiry()
      const { expiresAtMs } = principal
      ack({ ok: true, expiresAtMs, expiresInMs: Math.max(0, expiresAtMs - Date.now()) })
      await this.#recheckAll(this.#subscriptions.rooms())
    })
  }

  /** Refuses a request with an unknown name, which counts like any other. */
  async refuseUnknown(payload: unknown, ack: Ack<never>): Promise<void> {
    await this.#serving.serve(payload, ack, async () => {
      throw new GatewayError('REQUEST_MALFORMED', 'unknown request')
    })
  }

  /** Checks the grants of a group's rooms again, and leaves the rooms that are no longer granted. */
  async recheckGroup(group: string): Promise<void> {
    const rooms = this.#subscriptions.rooms().filter((room) => room.group === group)
    await this.#recheckAll(rooms)
  }

  /** Tells the client how delivery is on this node. */
  onDelivery(event: PreparedDelivery): void {
    if (this.#transport.isOpen()) this.#transport.onDelivery(event)
  }

  /** Applies revocations that were just recorded: closes the connection of a disconnected user, leaves revoked rooms. */
  applyRevocations(): void {
    if (this.#deps.authorization.isBanned(this.#principal.id)) {
      return this.#transport.close(GOODBYES.DISCONNECTED)
    }
    for (const room of this.#subscriptions.rooms())
      if (this.#isRevoked(room)) this.#evict(room, revokedRoom())
  }

  describe(): SessionState {
    return {
      principal: this.#principal,
      transport: this.#transport,
      connectedAtMs: this.#connectedAtMs,
      subscriptions: this.#subscriptions.list(),
    }
  }

  /** Returns the subscription to the room of this name; undefined if there is none. */
  subscriptionTo(name: string): Subscription | undefined {
    return this.#subscriptions.find(name)
  }

  /** To be called once the connection is closed. */
  end(): void {
    this.#deps.timers.cancel(this, this.#timerAtMs)
    this.#timerAtMs = Infinity
    this.#subscriptions.end()
    this.#serving.end()
  }

  /** Ends what has expired by now. */
  onTimer(): void {
    const now = Date.now()
    if (now < this.#timerAtMs) {
      // Fired a little early, or was set for a grant that has been extended since.
      this.#deps.timers.schedule(this, this.#timerAtMs)
    } else if (now >= this.#principal.expiresAtMs) {
      // Closes the connection immediately, so that rooms that end with the credential are not refused first.
      this.#transport.close(GOODBYES.CREDENTIAL_ENDED)
    } else {
      const ended = this.#subscriptions.takeExpired(now)
      // The credential, or another grant, may end while these are rechecked.
      this.#timerAtMs = Infinity
      this.#scheduleExpiry()
      void this.#recheckAll(ended)
    }
  }

  async #join(room: Room, since: Position | undefined, ack: Ack<Subscribed>): Promise<void> {
    let [untilMs, rechecks] = [0, 0]
    do {
      rechecks = this.#rechecks
      untilMs = await this.#authorize(room)
      // What is rechecked meanwhile does not include this room yet.
    } while (rechecks !== this.#rechecks)
    if (!this.#transport.isOpen()) return
    const [transport, subscriptions] = [this.#transport, this.#subscriptions]
    const grant = { untilMs, renew: () => this.#renew(room), isRevoked: () => this.#isRevoked(room) }
    const joining = joinRoom({ transport, subscriptions, room, since, ...grant, ack }, this.#deps)
    this.#scheduleExpiry()
    await joining
  }

  /** Returns when the grant of a room ends, in ms since 1970. Rejects like `Authorization.authorize`. */
  async #authorize(room: Room): Promise<number> {
    try {
      return await this.#deps.authorization.authorize(this.#principal, room)
    } catch (error) {
      if (Date.now() < this.#principal.expiresAtMs) throw error
      // The room is not refused for good: the connection is about to close, and the client to return with a new credential.
      throw expired(this.#principal.expiresAtMs)
    }
  }

  /** Sets when the grant of a room ends. If it has ended, leaves the room and rejects with the reason. */
  async #renew(room: Room): Promise<void> {
    try {
      this.#subscriptions.setExpiry(room, await this.#authorize(room))
    } catch (error) {
      this.#evict(room, asGatewayError(error))
      throw error
    }
  }

  #isRevoked(room: Room): boolean {
    return this.#deps.authorization.isRevoked(this.#principal.id, room)
  }

  async #recheckAll(rooms: readonly Room[]): Promise<void> {
    this.#rechecks++
    await Promise.all(rooms.map((room) => this.#recheck(room)))
    this.#scheduleExpiry()
  }

  async #recheck(room: Room): Promise<void> {
    try {
      await this.#renew(room)
    } catch (error) {
      this.#deps.refusals.report('socket', error, { userId: this.#principal.id })
    }
  }

  /** Sets the timer to the earliest expiry of the credential and the grants. */
  #scheduleExpiry(): void {
    // A recheck may finish after `end`, and nothing would cancel the timer then.
    if (!this.#transport.isOpen()) return
    const next = Math.min(this.#principal.expiresAtMs, this.#subscriptions.nextExpiryMs())
    if (next === this.#timerAtMs) return
    this.#deps.timers.cancel(this, this.#timerAtMs)
    this.#timerAtMs = next
    this.#deps.timers.schedule(this, next)
  }

  /** Leaves a room without a request by the client, and tells it the reason. */
  #evict(room: Room, reason: GatewayError): void {
    // Rooms that end with the credential are not refused first: its timer closes the connection.
    if (reason.code === 'TOKEN_EXPIRED') return
    const { code, message, retry } = reason
    if (this.#subscriptions.evict(room, reason))
      this.#transport.sendUnsubscribed({ room, code, message, retry })
  }
}
