import { setTimeout as delay } from 'node:timers/promises'
import { GatewayError } from '../../../shared/errors.ts'
import type { Notice } from '../../../shared/notice.ts'
import type { GapReason, Position } from '../../../shared/position.ts'
import type { Subscribed } from '../../../shared/protocol.ts'
import type { Room } from '../../../shared/room.ts'
import { revokedRoom } from '../../auth/authorization.ts'
import type { History } from '../../broker/log-reading.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { OnTold } from '../rooms/told-notes.ts'
import type { LocalRoom } from '../rooms/local-room.ts'
import type { LocalRooms, ReadPage } from '../rooms/local-rooms.ts'
import { PreparedEvent } from '../rooms/prepared-event.ts'
import type { PreparedDelivery } from '../rooms/prepared-event.ts'
import { replay } from './replay.ts'
import type { Missed, ReplayTarget } from './replay.ts'
import type { Subscription, Subscriptions } from './subscriptions.ts'
import type { RoomTransport } from './transport.ts'

/** While Redis is unavailable a room cannot catch up; its client should retry rather than wait. */
const CATCH_UP_TIMEOUT_MS = 3_000
const MAX_RETRY_DELAY_MS = 1_000

/** Shared by all joins. */
export interface JoinDependencies {
  readonly rooms: LocalRooms
  readonly readPage: ReadPage
  /** Returns the event that puts the room in doubt, if it is by itself. */
  readonly doubtOf: (room: LocalRoom) => PreparedDelivery | undefined
  /** Called with what was replayed; undefined if nobody wants to know. */
  readonly onTold?: OnTold | undefined
  readonly metrics: Metrics
}

interface JoinRequest {
  /** The connection that joins, and its rooms. */
  readonly transport: RoomTransport
  readonly subscriptions: Subscriptions
  readonly room: Room
  /** Where the client stopped; undefined to join from now. */
  readonly since: Position | undefined
  /** When the grant ends, in ms since 1970. */
  readonly untilMs: number
  /** Asks about a grant that has run out, and sets when it ends now. Rejects with why it ends for good, or is not known. */
  readonly renew: () => Promise<void>
  /** Whether the grant has been revoked since. */
  readonly isRevoked: () => boolean
  readonly ack: (response: Subscribed) => void
}

/**
 * Joins a connection to a room, from now or from a position, without a gap or an overlap. Calls `ack` in the turn in which
 * the connection joins or, when much was missed, before the first part of the replay. A grant that runs out until then is
 * renewed. Rejects with why it could not join: TOO_MANY_ROOMS, NODE_FULL, BROKER_UNAVAILABLE, or the reason for which the
 * grant ended; an earlier subscription to the room then stays as it was. Resolves without joining if the connection closes.
 */
export async function joinRoom(request: JoinRequest, dependencies: JoinDependencies): Promise<void> {
  const { subscriptions, room, untilMs } = request
  const subscription = subscriptions.begin(room, untilMs)
  try {
    const local = await dependencies.rooms.acquire(room)
    try {
      const isJoined = await new Join({ ...request, subscription, local }, dependencies).run()
      if (!isJoined) dependencies.rooms.release(local)
    } catch (error) {
      dependencies.rooms.release(local)
      throw error
    }
  } catch (error) {
    subscriptions.cancel(room)
    throw error
  }
}

interface AcquiredJoin extends JoinRequest {
  readonly subscription: Subscription
  readonly local: LocalRoom
}

/** One join of an acquired room. */
class Join implements ReplayTarget {
  readonly #join: AcquiredJoin
  readonly #deps: JoinDependencies
  /** Where the notices that are sent continue. */
  #since: Position | undefined
  #isAcknowledged = false
  /** Whether the client was told that the room is in doubt. */
  #isInDoubt = false

  constructor(join: AcquiredJoin, dependencies: JoinDependencies) {
    this.#join = join
    this.#since = join.since
    this.#deps = dependencies
  }

  /** Returns false if the connection closes first. Rejects if it may not join. */
  async run(): Promise<boolean> {
    const { local, since, subscriptions } = this.#join
    if (since === undefined) {
      // Nearly always at once.
      if (this.join({})) return true
      while (await this.#mayJoin()) if (this.join({})) return true
      return false
    }
    const { epoch, offset } = local.position
    // The client is ahead, or in another epoch: this node may be the one that lags.
    const isBehind = since.epoch !== epoch || since.offset > offset
    if (isBehind && !(await local.catchUp(CATCH_UP_TIMEOUT_MS))) throw new GatewayError('BROKER_UNAVAILABLE')
    return await subscriptions.oneLargeAtATime(() => replay(since, local, this))
  }

  async ready(held: readonly Notice[]): Promise<boolean> {
    await this.#join.transport.flushed(held)
    return await this.#mayJoin()
  }

  /** Renews a grant that has run out. Returns false if the connection has closed. Rejects if it may not join. */
  async #mayJoin(): Promise<boolean> {
    const { transport, subscription, isRevoked, renew } = this.#join
    while (transport.isOpen()) {
      if (!this.#isPending()) throw subscription.ended ?? new GatewayError('ROOM_REFUSED')
      if (isRevoked()) throw revokedRoom()
      if (Date.now() < subscription.untilMs) return true
      await renew()
    }
    return false
  }

  #isPending(): boolean {
    const { subscriptions, subscription, local } = this.#join
    return subscriptions.isPending(local.name, subscription)
  }

  /** Reads a page of the log. Once the rest has been promised, retries until the connection closes. */
  async read(since: Position): Promise<History> {
    const { local, transport } = this.#join
    for (;;) {
      try {
        return await this.#deps.readPage(local, since)
      } catch (error) {
        if (!this.#isAcknowledged || !transport.isOpen()) throw error
        await delay(Math.random() * MAX_RETRY_DELAY_MS, undefined, { ref: false })
      }
    }
  }

  send(notices: readonly Notice[]): void {
    const { room, position } = this.#join.local
    const since = this.#since ?? position
    if (!this.#isAcknowledged) this.#promise(position.offset - since.offset)
    this.#join.transport.replay(room, since.epoch, notices)
    this.#deps.onTold?.(room, since.epoch, notices)
  }

  restart(after: Position, gap: GapReason): void {
    const { local, transport } = this.#join
    if (this.#isAcknowledged) transport.sendGap(local.room, gap, after)
    else this.#promise(local.position.offset - after.offset, gap, after)
    this.#since = after
  }

  /** Acknowledges before it joins: from here until then, the client believes that it is in the room. */
  #promise(recovered: number, gap?: GapReason, position?: Position): void {
    this.#acknowledge(recovered, gap, position)
    this.#join.subscription.isAcknowledged = true
  }

  /**
   * Acknowledges, sends what is left, and joins, all in one turn. Between any two of these a notice could arrive that
   * would be neither replayed nor live.
   */
  join({ notices = [], gap }: Missed): boolean {
    const { local, subscription, subscriptions, transport, isRevoked } = this.#join
    if (!transport.isOpen() || !this.#isPending() || isRevoked() || Date.now() >= subscription.untilMs)
      return false
    local.flush()
    // The position includes it: of an earlier subscription, nothing may be lost on its way.
    transport.finish(local.room)
    if (!this.#isAcknowledged) this.#acknowledge(notices.length, gap)
    else if (gap !== undefined) transport.sendGap(local.room, gap, local.position)
    transport.replay(local.room, local.position.epoch, notices)
    transport.join(local.room)
    this.#deps.onTold?.(local.room, local.position.epoch, notices)
    this.#tellDelivery()
    subscriptions.complete(subscription, local)
    return true
  }

  /** Ends an earlier subscription to the room, and tells the client where this one begins. */
  #acknowledge(recovered: number, gap?: GapReason, position = this.#join.local.position): void {
    const { local, since, subscriptions, ack } = this.#join
    const { room } = local
    this.#isAcknowledged = true
    const outcome = gap ? 'gap' : recovered > 0 ? 'recovered' : 'nothing-missed'
    if (since !== undefined) this.#deps.metrics.resumed(outcome)
    // Not before: a request that fails leaves the earlier subscription as it was.
    subscriptions.leaveJoined(room)
    ack({ ok: true, room, position, recovered, ...(gap && { gap }) })
    this.#tellDelivery()
  }

  /** Tells whether the room is in doubt, unless the client knows: until it joins, it is not told with the others. */
  #tellDelivery(): void {
    const { local, transport } = this.#join
    const doubt = this.#deps.doubtOf(local)
    if ((doubt !== undefined) === this.#isInDoubt) return
    this.#isInDoubt = doubt !== undefined
    transport.onDelivery(doubt ?? new PreparedEvent('delivery', { proved: true, rooms: [local.room] }))
  }
}
