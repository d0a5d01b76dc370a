import { setTimeout as delay } from 'node:timers/promises'
import { GatewayError } from '../../../shared/errors.ts'
import type { Notice } from '../../../shared/notice.ts'
import { mergeInOrder } from '../../../shared/position.ts'
import type { GapReason, Position } from '../../../shared/position.ts'
import type { Subscribed } from '../../../shared/protocol.ts'
import type { Room } from '../../../shared/room.ts'
import type { History } from '../../broker/broker.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { LocalRoom } from '../rooms/local-room.ts'
import type { LocalRooms, ReadPage } from '../rooms/local-rooms.ts'
import type { Subscription, Subscriptions } from './subscriptions.ts'
import type { RoomTransport } from './transport.ts'

/** Target size of a frame of missed notices. The next one waits until this one has left, so slow readers fill no buffers. */
const FRAME_BYTES = 64 * 1024
/** Maximum sent in the turn of joining: no more than a busy room sends a connection anyway. */
const MAX_LAST_BYTES = 4 * FRAME_BYTES
/** Overhead of a notice, and of each of its messages, beyond identifiers: names, numbers, punctuation. */
const NOTICE_BYTES = 200
const MESSAGE_BYTES = 32
/** More are not replayed: a client that missed so many is served faster by a reload. */
const MAX_NOTICES = 1_000
/** While Redis is unavailable a room cannot catch up; its client should retry rather than wait. */
const CATCH_UP_TIMEOUT_MS = 3_000
const MAX_RETRY_DELAY_MS = 1_000

/** Shared by all joins. */
export interface JoinDependencies {
  readonly rooms: LocalRooms
  readonly readPage: ReadPage
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
  /** Whether the grant has been revoked since. */
  readonly isRevoked: () => boolean
  readonly ack: (response: Subscribed) => void
}

/**
 * Joins a connection to a room, from now or from a position, without a gap or an overlap. Calls `ack` in the turn in which
 * the connection joins or, when much was missed, before the first part of the replay. Until it joins, the grant can end and
 * the room can be left again: returns whether it joined. Rejects with TOO_MANY_ROOMS, NODE_FULL or BROKER_UNAVAILABLE; an
 * earlier subscription to the room then stays as it was.
 */
export async function joinRoom(request: JoinRequest, dependencies: JoinDependencies): Promise<boolean> {
  const { subscriptions, room, untilMs } = request
  const subscription = subscriptions.begin(room, untilMs)
  try {
    const local = await dependencies.rooms.acquire(room)
    try {
      await new Join({ ...request, subscription, local }, dependencies).run()
    } catch (error) {
      dependencies.rooms.release(local)
      throw error
    }
    return subscriptions.isJoined(local.name, subscription)
  } catch (error) {
    subscriptions.cancel(room)
    throw error
  }
}

interface AcquiredJoin extends JoinRequest {
  readonly subscription: Subscription
  readonly local: LocalRoom
}

/** One join of an acquired room. Releases the room if the connection does not join; rejects without releasing it. */
class Join implements ReplayTarget {
  readonly #join: AcquiredJoin
  readonly #deps: JoinDependencies
  #isAcknowledged = false

  constructor(join: AcquiredJoin, dependencies: JoinDependencies) {
    this.#join = join
    this.#deps = dependencies
  }

  async run(): Promise<void> {
    const { local, since, subscriptions } = this.#join
    if (since === undefined) return this.join({})
    const { epoch, offset } = local.position
    // The client is ahead, or in another epoch: this node may be the one that lags.
    if (since.epoch !== epoch || since.offset > offset) await catchUp(local)
    const isDone = await subscriptions.oneLargeAtATime(() => replay(since, local, this))
    if (!isDone) this.#deps.rooms.release(local)
  }

  isOpen(): boolean {
    const { transport, subscriptions, subscription, local, isRevoked } = this.#join
    const isPending = subscriptions.isPending(local.name, subscription)
    return transport.isOpen() && isPending && Date.now() < subscription.untilMs && !isRevoked()
  }

  flushed(): Promise<void> {
    return this.#join.transport.flushed()
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
    const { transport, since = position } = this.#join
    if (!this.#isAcknowledged) this.#acknowledge(position.offset - since.offset)
    transport.replay(room, since.epoch, notices)
  }

  /**
   * Acknowledges, sends what is left, and joins, all in one turn. Between any two of these a notice could arrive that
   * would be neither replayed nor live.
   */
  join({ notices = [], gap }: Missed): void {
    const { local, subscription, subscriptions, transport } = this.#join
    if (!this.isOpen()) return this.#deps.rooms.release(local)
    local.flush()
    if (!this.#isAcknowledged) this.#acknowledge(notices.length, gap)
    else if (gap !== undefined) transport.sendGap(local.room, gap, local.position)
    transport.replay(local.room, local.position.epoch, notices)
    transport.join(local.room)
    subscriptions.complete(subscription, local)
  }

  /** Ends an earlier subscription to the room, and tells the client where this one begins. */
  #acknowledge(recovered: number, gap?: GapReason): void {
    const { local, since, subscriptions, ack } = this.#join
    const { room, position } = local
    this.#isAcknowledged = true
    const outcome = gap ? 'gap' : recovered > 0 ? 'recovered' : 'nothing-missed'
    if (since !== undefined) this.#deps.metrics.resumed(outcome)
    // Not before: a request that fails leaves the earlier subscription as it was.
    subscriptions.leaveJoined(room)
    ack({ ok: true, room, position, recovered, ...(gap && { gap }) })
  }
}

async function catchUp(local: LocalRoom): Promise<void> {
  const settled = new AbortController()
  const timeout = delay(CATCH_UP_TIMEOUT_MS, 'timeout', { signal: settled.signal }).catch(() => undefined)
  const outcome = await Promise.race([local.catchUp(), timeout])
  settled.abort()
  if (outcome === 'timeout') throw new GatewayError('BROKER_UNAVAILABLE')
}

/** The missed notices up to the room's position, or why they are unknown. */
interface Missed {
  readonly notices?: readonly Notice[]
  readonly gap?: GapReason
}

/** What a replay needs from the connection that resumes. */
interface ReplayTarget {
  /** Whether the connection is open and may still join. */
  isOpen(): boolean
  /** Resolves once everything sent so far has left this process. */
  flushed(): Promise<void>
  read(since: Position): Promise<History>
  /** Sends the next part of the missed notices, while they are too many for one turn. */
  send(notices: readonly Notice[]): void
  /** Sends the last part and joins, in one turn. */
  join(missed: Missed): void
}

/**
 * Sends a connection that stopped at `since` the notices it missed, page by page and no faster than it reads, until the
 * rest ends exactly at the room's position, and passes that to `join`. Returns false if the connection closes first.
 */
export async function replay(since: Position, room: RoomState, target: ReplayTarget): Promise<boolean> {
  let at = since
  let page: readonly Notice[] = []
  for (;;) {
    await target.flushed()
    if (!target.isOpen()) return false
    const missed = missedSince(at, room, page)
    if ('gap' in missed || ('notices' in missed && bytesOf(missed.notices) <= MAX_LAST_BYTES)) {
      target.join(missed)
      return true
    }
    if ('readAfter' in missed && page.length === 0) {
      const history = await target.read(at)
      page = history.gap === undefined ? history.notices : []
      if (page.length > 0) continue
      // A log that ends before the room's position is not the log that the room followed.
      target.join({ gap: history.gap ?? 'epoch-changed' })
      return true
    }
    const part = firstFrameOf('notices' in missed ? missed.notices : page)
    target.send(part)
    at = { epoch: at.epoch, offset: at.offset + part.length }
    page = page.slice(part.length)
  }
}

/** Returns as many from the front as fit into a frame, and at least one. */
function firstFrameOf(notices: readonly Notice[]): readonly Notice[] {
  let bytes = 0
  const fitting = notices.findIndex((notice) => (bytes += bytesOf([notice])) > FRAME_BYTES)
  return fitting === -1 ? notices : notices.slice(0, Math.max(1, fitting))
}

/** Estimates how many bytes the notices take when sent. */
const bytesOf = (notices: readonly Notice[]): number =>
  notices.reduce(
    (sum, { messages }) =>
      messages.reduce((bytes, { id = '' }) => bytes + MESSAGE_BYTES + id.length, sum + NOTICE_BYTES),
    0,
  )

type RoomState = Readonly<Pick<LocalRoom, 'position' | 'tail'>>

type Recovery =
  /** Exactly the notices between `since` and the room's position. */
  | { readonly notices: readonly Notice[] }
  | { readonly gap: GapReason }
  /** Not known yet: the log must be read from after this offset. */
  | { readonly readAfter: number }

/**
 * Returns what a client that stopped at `since` has missed up to the room's current position, given what has been `read`
 * of the log after `since`. Pure. The log may have been read beyond the room's position: that part will arrive live.
 */
export function missedSince(since: Position, room: RoomState, read: readonly Notice[]): Recovery {
  const missing = room.position.offset - since.offset
  if (since.epoch !== room.position.epoch || missing < 0) return { gap: 'epoch-changed' }
  if (missing > MAX_NOTICES) return { gap: 'too-many' }
  const { run } = mergeInOrder(since.offset, read, room.tail)
  const notices = run.slice(0, missing)
  if (notices.length === missing) return { notices }
  return { readAfter: since.offset + read.length }
}
