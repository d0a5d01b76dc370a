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

/** The latest notices that a room remembers, so that sockets which come back shortly need no read of the log. */
const TAIL_NOTICES = 100
/** Notices in one read of the log. */
const PAGE_NOTICES = 100
const MAX_RETRY_DELAY_MS = 5_000

export interface LocalRoomOptions {
  /** See `createBatcher`. */
  readonly batchWindowMs: number
}

export interface LocalRoomDependencies {
  readonly broker: Pick<Broker, 'subscribe' | 'heads' | 'history' | 'newEpoch'>
  readonly hub: Pick<Hub, 'broadcast' | 'broadcastGap'>
  readonly metrics: Metrics
  readonly log: Logger
  /** Tests have their own. */
  readonly clock?: Clock
}

/**
 * One room on this node: follows the log of the room through the broker and hands on each notice once, in order.
 *
 * Notices arrive live; whatever is wrong with them (a hole, another epoch, an interrupted subscription) has one remedy:
 * read the log from the last position until a read finds nothing new to come. While that goes on, live notices are only
 * a sign that there is more to read.
 *
 * A failover of the store may lose entries that were handed on already, and give their offsets to others. So whenever
 * that may have happened, the tail is first held against the log; if the log has something else there, or ends before it,
 * it gets another epoch, and the sockets are told a gap.
 */
export class LocalRoom {
  readonly room: Room
  /** See `roomName`. */
  readonly name: string
  /** The last notice handed on. */
  position: Position = { epoch: '', offset: 0 }
  /** The latest notices handed on, oldest first; they end at `position`. */
  readonly tail: Notice[] = []

  readonly #deps: LocalRoomDependencies
  readonly #batcher: Batcher
  #subscription: Subscription | undefined
  #reading: Promise<void> | undefined
  #live = false
  #more = false
  #doubtful = false
  #closed = false
  /** Ends the wait before a log that could not be read is read again. */
  #waiting: AbortController | undefined

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

  /** Subscribes and takes the end of the log as position. Rejects with BROKER_UNAVAILABLE; the room is of no use then. */
  async open(): Promise<void> {
    const { broker } = this.#deps
    this.#subscription = await broker.subscribe(this.room, {
      onNotice: (notice, epoch) => this.#onNotice(notice, epoch),
      onInterrupted: () => {
        // Redis is there again: what failed until now need not fail any more, and logs go on meanwhile.
        this.#waiting?.abort()
        void this.#doubt()
      },
    })
    const [top] = await broker.heads([this.room])
    if (this.#closed) return this.#subscription.leave()
    if (top !== undefined) this.position = top
    this.#live = true
    if (this.#more) void this.catchUp()
  }

  get isOpen(): boolean {
    return this.#subscription !== undefined && this.position.epoch !== '' && !this.#closed
  }

  close(): void {
    this.#closed = true
    this.#subscription?.leave()
    this.#batcher.close()
  }

  /** Sends what waits to be sent: afterwards the sockets of the room stand at `position`. */
  flush(): void {
    this.#batcher.flush()
  }

  /** Puts notices that were read in the log before the tail, if they end where it begins, for sockets that come back soon. */
  remember(epoch: string, notices: readonly Notice[]): void {
    const begin = this.tail[0]?.offset ?? this.position.offset + 1
    const before = notices.filter(({ offset }) => offset < begin)
    if (epoch !== this.position.epoch || before.at(-1)?.offset !== begin - 1) return
    this.tail.unshift(...before)
    this.tail.splice(0, this.tail.length - TAIL_NOTICES)
  }

  /** Reads the log until the room stands at its end; resolves then, or when the room is closed. Never rejects. */
  catchUp(): Promise<void> {
    this.#more = true
    if (!this.#live) return this.#reading ?? Promise.resolve()
    this.#live = false
    this.#reading = this.#readToEnd()
    return this.#reading
  }

  /** Holds the room against the log when that ends elsewhere than the room stood at `seen`, a moment ago. */
  checkHead(seen: Position, top: Position): void {
    if (top.epoch === seen.epoch && top.offset < seen.offset) void this.#doubt()
    else if (top.epoch !== this.position.epoch || top.offset > this.position.offset) void this.catchUp()
  }

  #onNotice(notice: Notice, epoch: string): void {
    const next = this.position.offset + 1
    if (!this.#live) this.#more = true
    else if (epoch !== this.position.epoch || notice.offset > next) void this.catchUp()
    else if (notice.offset === next) this.#handOn(notice)
    // Mostly one that a read of the log was faster to bring.
    else if (!this.tail.some((known) => isSame(known, notice))) void this.#doubt()
  }

  #doubt(): Promise<void> {
    this.#doubtful = true
    return this.catchUp()
  }

  #handOn(notice: Notice): void {
    this.position = { epoch: this.position.epoch, offset: notice.offset }
    this.tail.push(notice)
    if (this.tail.length > TAIL_NOTICES) this.tail.shift()
    this.#batcher.push(notice)
  }

  async #readToEnd(): Promise<void> {
    let failures = 0
    while (this.#more && !this.#closed) {
      this.#more = false
      try {
        if (this.#doubtful) await this.#verify()
        await this.#readPage()
        failures = 0
      } catch (err) {
        this.#more = true
        failures++
        // The broker complains once of its connection; a line for each of many rooms would bury it.
        this.#deps.log.debug({ err, failures }, 'log of a room could not be read, trying again')
        const waiting = (this.#waiting = new AbortController())
        const afterMs = fullJitterMs(failures, { baseMs: 50, maxMs: MAX_RETRY_DELAY_MS })
        await delay(afterMs, undefined, { ref: false, signal: waiting.signal }).catch(() => (failures = 0))
      }
    }
    this.#live = true
  }

  /** Makes sure that the log still holds what was handed on, or has another epoch. */
  async #verify(): Promise<void> {
    this.#doubtful = false
    const { position } = this
    if (position.offset === 0) return
    try {
      if (await this.#isLost(position)) {
        this.#deps.log.error({ room: this.name, position }, 'a log lost notices that were delivered')
        await this.#deps.broker.newEpoch(this.room, position.epoch)
      }
    } catch (error) {
      this.#doubtful = true
      throw error
    }
  }

  /** Holds all of the tail against the log, or its last notice alone if the log no longer reaches back so far. */
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
      const kept = new Map(history.notices.map((notice) => [notice.offset, notice]))
      return tail.some((known) => {
        const found = kept.get(known.offset)
        return found !== undefined && !isSame(known, found)
      })
    }
    return false
  }

  async #readPage(): Promise<void> {
    const history = await this.#deps.broker.history(this.room, this.position, PAGE_NOTICES)
    if (this.#closed) return
    const { head: top } = history
    if (top.epoch === this.position.epoch && top.offset < this.position.offset) {
      // The log went back while it was being read: it must have another epoch before anyone goes on.
      this.#doubtful = true
      this.#more = true
      return
    }
    if (history.gap !== undefined) return this.#jump(history.gap, top)
    for (const notice of history.notices) this.#handOn(notice)
    this.#deps.metrics.healed(history.notices.length)
    if (top.offset > this.position.offset) this.#more = true
  }

  #jump(reason: GapReason, top: Position): void {
    this.#deps.log.warn({ reason, from: this.position, to: top }, 'notices of a room are missing')
    this.flush()
    this.position = top
    this.tail.length = 0
    this.#deps.hub.broadcastGap(this.room, reason, top)
  }
}

/** Whether both are the same recall at the same place: no two recalls of a log are alike. */
const isSame = (one: Notice, other: Notice): boolean =>
  one.offset === other.offset &&
  JSON.stringify(one.messages) === JSON.stringify(other.messages) &&
  one.recalledAtMs === other.recalledAtMs &&
  one.topic === other.topic &&
  one.group === other.group
