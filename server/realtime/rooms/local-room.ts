import { setTimeout as delay } from 'node:timers/promises'
import { fullJitterMs } from '../../../shared/backoff.ts'
import type { Notice } from '../../../shared/notice.ts'
import type { GapReason, Position } from '../../../shared/position.ts'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { Broker, Subscription } from '../../broker/broker.ts'
import type { Clock } from '../../lib/timers.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { createBatcher } from './batcher.ts'
import type { Batcher } from './batcher.ts'
import type { Hub } from './hub.ts'

/** The latest notices that a room remembers, so that clients that reconnect soon need no read of the log. */
const TAIL_NOTICES = 100
/** Notices in one read of the log. */
const PAGE_NOTICES = 100
const MAX_RETRY_DELAY_MS = 5_000

export interface LocalRoomOptions {
  /** See `windowMs` of `createBatcher`. */
  readonly batchWindowMs: number
}

export interface LocalRoomDependencies {
  readonly broker: Pick<Broker, 'subscribe' | 'heads' | 'history' | 'newEpoch'>
  readonly hub: Pick<Hub, 'broadcast' | 'broadcastGap'>
  readonly metrics: Metrics
  readonly log: Logger
  /** Replaced by tests. */
  readonly clock?: Clock
}

/**
 * One room on this node: follows the room's log through the broker and delivers each notice once, in order.
 *
 * Notices arrive live. Whatever is wrong with them (a hole, another epoch, an interrupted subscription) has one remedy:
 * read the log from the last position until a read finds that nothing is left. Meanwhile live notices only signal that
 * there is more to read.
 *
 * A failover of the store may lose entries that were delivered already, and give their offsets to others. Whenever that
 * may have happened, the tail is first compared with the log. If the log differs, or ends before the tail does, it gets a
 * new epoch and the listeners receive a gap.
 */
export class LocalRoom {
  readonly room: Room
  /** See `roomName`. */
  readonly name: string
  /** The last notice delivered. */
  position: Position = { epoch: '', offset: 0 }
  /** The latest notices delivered, oldest first, up to `position`. */
  readonly tail: Notice[] = []

  readonly #deps: LocalRoomDependencies
  readonly #batcher: Batcher
  #subscription: Subscription | undefined
  #reading: Promise<void> | undefined
  /** Whether live notices are delivered: not before the room is open, nor while it reads the log. */
  #isLive = false
  #hasMore = false
  #needsVerification = false
  #isClosed = false
  /** Cuts short the delay before a failed read is retried. */
  #retryDelay: AbortController | undefined

  constructor(room: Room, { batchWindowMs }: LocalRoomOptions, dependencies: LocalRoomDependencies) {
    const { hub, clock } = dependencies
    this.room = room
    this.name = roomName(room)
    this.#deps = dependencies
    this.#batcher = createBatcher(
      { windowMs: batchWindowMs },
      (notices) => hub.broadcast(room, this.position.epoch, notices),
      clock,
    )
  }

  /** Subscribes, and starts at the head of the log. Rejects with BROKER_UNAVAILABLE; the room is then of no use. */
  async open(): Promise<void> {
    const { broker } = this.#deps
    this.#subscription = await broker.subscribe(this.room, {
      onNotice: (notice, epoch) => this.#onNotice(notice, epoch),
      onInterrupted: () => {
        // Redis is back: a read that failed until now may succeed, and logs have moved on meanwhile.
        this.#retryDelay?.abort()
        void this.#verifyAndCatchUp()
      },
    })
    const [head] = await broker.heads([this.room])
    if (this.#isClosed) return this.#subscription.leave()
    if (head !== undefined) this.position = head
    this.#isLive = true
    if (this.#hasMore) void this.catchUp()
  }

  get isOpen(): boolean {
    return this.#subscription !== undefined && this.position.epoch !== '' && !this.#isClosed
  }

  close(): void {
    this.#isClosed = true
    this.#subscription?.leave()
    this.#batcher.close()
  }

  /** Sends the current batch: afterwards the listeners have received everything up to `position`. */
  flush(): void {
    this.#batcher.flush()
  }

  /** Prepends notices from the log to the tail, for clients that reconnect soon, if they end where the tail begins. */
  remember(epoch: string, notices: readonly Notice[]): void {
    const start = this.tail[0]?.offset ?? this.position.offset + 1
    const before = notices.filter(({ offset }) => offset < start)
    if (epoch !== this.position.epoch || before.at(-1)?.offset !== start - 1) return
    this.tail.unshift(...before)
    this.tail.splice(0, this.tail.length - TAIL_NOTICES)
  }

  /** Reads the log to its end. Resolves then, or once the room is closed. Never rejects. */
  catchUp(): Promise<void> {
    this.#hasMore = true
    if (!this.#isLive) return this.#reading ?? Promise.resolve()
    this.#isLive = false
    this.#reading = this.#readToEnd()
    return this.#reading
  }

  /** Catches up if the log does not end at the room's position. `seen` is that position before `head` was read. */
  checkHead(seen: Position, head: Position): void {
    if (head.epoch === seen.epoch && head.offset < seen.offset) void this.#verifyAndCatchUp()
    else if (head.epoch !== this.position.epoch || head.offset > this.position.offset) void this.catchUp()
  }

  #onNotice(notice: Notice, epoch: string): void {
    const next = this.position.offset + 1
    if (!this.#isLive) this.#hasMore = true
    else if (epoch !== this.position.epoch || notice.offset > next) void this.catchUp()
    else if (notice.offset === next) this.#deliver(notice)
    // One that is in the tail was usually read from the log before it arrived here.
    else if (!this.tail.some((known) => isSame(known, notice))) void this.#verifyAndCatchUp()
  }

  #verifyAndCatchUp(): Promise<void> {
    this.#needsVerification = true
    return this.catchUp()
  }

  #deliver(notice: Notice): void {
    this.position = { epoch: this.position.epoch, offset: notice.offset }
    this.tail.push(notice)
    if (this.tail.length > TAIL_NOTICES) this.tail.shift()
    this.#batcher.push(notice)
  }

  async #readToEnd(): Promise<void> {
    let failures = 0
    while (this.#hasMore && !this.#isClosed) {
      this.#hasMore = false
      try {
        if (this.#needsVerification) await this.#verify()
        await this.#readPage()
        failures = 0
      } catch (err) {
        this.#hasMore = true
        failures++
        // The broker reports its connection once; a line for each of many rooms would bury that.
        this.#deps.log.debug({ err, failures }, 'cannot read room log, retrying')
        const retryDelay = (this.#retryDelay = new AbortController())
        const delayMs = fullJitterMs(failures, { baseMs: 50, maxMs: MAX_RETRY_DELAY_MS })
        await delay(delayMs, undefined, { ref: false, signal: retryDelay.signal }).catch(() => (failures = 0))
      }
    }
    this.#isLive = true
  }

  /** Makes sure that the log still holds what was delivered, or gets a new epoch. */
  async #verify(): Promise<void> {
    this.#needsVerification = false
    const { position } = this
    if (position.offset === 0) return
    try {
      if (await this.#isLost(position)) {
        this.#deps.log.error(
          { room: this.name, position },
          'room log lost delivered notices, starting a new epoch',
        )
        await this.#deps.broker.newEpoch(this.room, position.epoch)
      }
    } catch (error) {
      this.#needsVerification = true
      throw error
    }
  }

  /** Compares the whole tail with the log, or only its last notice if the log no longer reaches back that far. */
  async #isLost({ epoch, offset }: Position): Promise<boolean> {
    const tail = [...this.tail]
    for (const from of [tail[0]?.offset ?? offset, offset]) {
      const history = await this.#deps.broker.history(
        this.room,
        { epoch, offset: from - 1 },
        offset - from + 1,
      )
      if (history.head.epoch !== epoch) return false
      if (history.head.offset < offset) return true
      if (history.gap !== undefined) continue
      const stored = new Map(history.notices.map((notice) => [notice.offset, notice]))
      return tail.some((known) => {
        const found = stored.get(known.offset)
        return found !== undefined && !isSame(known, found)
      })
    }
    return false
  }

  async #readPage(): Promise<void> {
    const history = await this.#deps.broker.history(this.room, this.position, PAGE_NOTICES)
    if (this.#isClosed) return
    const { head } = history
    if (head.epoch === this.position.epoch && head.offset < this.position.offset) {
      // The log went back while it was read: it must get a new epoch before anything else is delivered.
      this.#needsVerification = true
      this.#hasMore = true
      return
    }
    if (history.gap !== undefined) return this.#skipTo(head, history.gap)
    for (const notice of history.notices) this.#deliver(notice)
    this.#deps.metrics.healed(history.notices.length)
    if (head.offset > this.position.offset) this.#hasMore = true
  }

  #skipTo(head: Position, reason: GapReason): void {
    this.#deps.log.warn({ reason, from: this.position, to: head }, 'notices missing from room log, gap sent')
    this.flush()
    this.position = head
    this.tail.length = 0
    this.#deps.hub.broadcastGap(this.room, reason, head)
  }
}

/** Whether both are the same recall at the same offset. Two recalls of a log always differ. */
const isSame = (one: Notice, other: Notice): boolean =>
  one.offset === other.offset &&
  JSON.stringify(one.messages) === JSON.stringify(other.messages) &&
  one.recalledAtMs === other.recalledAtMs &&
  one.topic === other.topic &&
  one.group === other.group
