import type { Notice } from '../../../shared/notice.ts'
import type { GapReason, Position } from '../../../shared/position.ts'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { Broker, Subscription } from '../../broker/broker.ts'
import type { Pace } from '../../lib/pacing.ts'
import type { Clock } from '../../lib/timers.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { createBatcher, createNoticePace } from './batcher.ts'
import type { Batcher } from './batcher.ts'
import { EpochChanges } from './epoch-changes.ts'
import type { Hub } from './hub.ts'
import { KnownEntries } from './known-entries.ts'
import { Lag } from './lag.ts'
import type { LagReporter } from './lag.ts'
import { entryAt, readOn } from './log-reads.ts'
import { ReadLane } from './read-lane.ts'

export interface LocalRoomOptions {
  /** See `maxWindowMs` of `createBatcher`. */
  readonly batchWindowMs: number
}

export interface LocalRoomDependencies {
  readonly broker: Pick<Broker, 'subscribe' | 'heads' | 'history' | 'newEpoch'>
  readonly hub: Pick<Hub, 'broadcast' | 'broadcastGap'>
  readonly metrics: Metrics
  readonly log: Logger
  /** Shared by the rooms of a node. Default: one of its own. */
  readonly reads?: ReadLane
  /** Shared by the rooms of a node. Default: one of its own. */
  readonly lag?: LagReporter<LocalRoom>
  /** Shared by the rooms of a node. Default: one of its own. */
  readonly pace?: Pace
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
 * may have happened, the tail is compared with the log in the same read. If the log differs, or ends before the tail does, it
 * gets a new epoch and the listeners receive a gap. A room that has delivered nothing yet has a witness instead of a tail. What
 * the log holds that may be new to a listener follows the gap.
 */
export class LocalRoom {
  readonly room: Room
  /** See `roomName`. */
  readonly name: string
  /** The last notice delivered. */
  position: Position = { epoch: '', offset: 0 }

  readonly #deps: LocalRoomDependencies
  readonly #reads: ReadLane
  readonly #lag: LagReporter<LocalRoom>
  readonly #batcher: Batcher
  readonly #epochs: EpochChanges
  readonly #known = new KnownEntries()
  #subscription: Subscription | undefined
  #reading: Promise<void> | undefined
  /** Whether live notices are delivered: not before the room is open, nor while it reads the log. */
  #isLive = false
  #hasMore = false
  #needsVerification = false
  #isClosed = false

  constructor(room: Room, { batchWindowMs }: LocalRoomOptions, dependencies: LocalRoomDependencies) {
    const { hub, clock, pace = createNoticePace() } = dependencies
    this.room = room
    this.name = roomName(room)
    this.#deps = dependencies
    this.#reads = dependencies.reads ?? new ReadLane(dependencies.log)
    this.#lag = dependencies.lag ?? new Lag(() => performance.now())
    this.#epochs = new EpochChanges(room, dependencies)
    this.#batcher = createBatcher({ maxWindowMs: batchWindowMs, clock, pace }, (notices) =>
      hub.broadcast(room, this.position.epoch, notices),
    )
  }

  /** Subscribes, and starts at the head of the log. Rejects with BROKER_UNAVAILABLE; the room is then of no use. */
  async open(): Promise<void> {
    const { broker } = this.#deps
    this.#subscription = await broker.subscribe(this.room, {
      onNotice: (notice, epoch) => this.#onNotice(notice, epoch),
      onLost: () => void (this.#isClosed || this.#lag.interrupted(this)),
      onInterrupted: () => {
        this.#lag.restored(this)
        // Redis is back: a read that failed until now may succeed, and logs have moved on meanwhile.
        this.#reads.resume()
        void this.#verifyAndCatchUp()
      },
    })
    const [head] = await broker.heads([this.room])
    if (this.#isClosed) return this.#subscription.leave()
    if (head !== undefined) this.position = head
    this.#isLive = true
    if (this.#hasMore) void this.catchUp()
    void this.#findWitness()
  }

  /** The latest notices delivered, oldest first, up to `position`. */
  get tail(): readonly Notice[] {
    return this.#known.tail
  }

  get isOpen(): boolean {
    return this.#subscription !== undefined && this.position.epoch !== '' && !this.#isClosed
  }

  close(): void {
    this.#isClosed = true
    this.#lag.forget(this)
    this.#subscription?.leave()
    this.#batcher.close()
  }

  /** Sends the current batch: everything up to `position` is then on its way to those who listen now. */
  flush(): void {
    this.#batcher.flush()
  }

  /** Prepends notices from the log to the tail, for clients that reconnect soon, if they end where the tail begins. */
  remember(epoch: string, notices: readonly Notice[]): void {
    if (epoch === this.position.epoch) this.#known.prepend(notices, this.position.offset)
  }

  /** Reads the log to its end. Resolves then, or once the room is closed. Never rejects. */
  catchUp(): Promise<void> {
    this.#hasMore = true
    if (!this.#isLive) return this.#reading ?? Promise.resolve()
    this.#isLive = false
    this.#lag.reading(this)
    this.#reading = this.#readToEnd()
    return this.#reading
  }

  /** Catches up if the log does not end at the room's position. `seen` is that position before `head` was read. */
  checkHead(seen: Position, head: Position): void {
    const isBehind = head.epoch === seen.epoch && head.offset < seen.offset
    const isAhead = head.epoch !== this.position.epoch || head.offset > this.position.offset
    if (isBehind || isAhead) void this.#verifyAndCatchUp()
  }

  #onNotice(notice: Notice, epoch: string): void {
    const next = this.position.offset + 1
    if (!this.#isLive) this.#hasMore = true
    else if (epoch !== this.position.epoch || notice.offset > next) void this.catchUp()
    else if (notice.offset === next) this.#deliver(notice)
    // One that is in the tail was usually read from the log before it arrived here.
    else if (!this.#known.has(notice)) void this.#verifyAndCatchUp()
  }

  #verifyAndCatchUp(): Promise<void> {
    this.#needsVerification = true
    return this.catchUp()
  }

  #deliver(notice: Notice): void {
    this.position = { epoch: this.position.epoch, offset: notice.offset }
    this.#known.push(notice)
    this.#batcher.push(notice)
  }

  async #readToEnd(): Promise<void> {
    while (this.#hasMore && !this.#isClosed) {
      this.#hasMore = false
      // The lane logs failures, once for all rooms, and delays what follows.
      await this.#reads
        .run(this, () => this.#readPage())
        .catch(() => {
          this.#hasMore = true
          this.#lag.failed(this)
        })
    }
    this.#isLive = true
    this.#lag.caughtUp(this)
  }

  /** Delivers the next notices, after a comparison with what was delivered before if that is due. */
  async #readPage(): Promise<void> {
    if (this.#isClosed) return
    const isDue = this.#needsVerification
    this.#needsVerification = false
    try {
      const evidence = isDue ? this.#known.snapshot() : undefined
      const { history, isLost } = await readOn(this.#deps.broker, this.room, this.position, evidence)
      if (this.#isClosed) return
      const { head } = history
      const { epoch, offset } = this.position
      if (isLost || (head.epoch === epoch && head.offset < offset)) return await this.#replaceEpoch()
      if (history.gap === 'epoch-changed') return await this.#changeEpoch(head.epoch)
      if (history.gap !== undefined) return this.#skipTo(head, history.gap)
      const next = history.notices.filter((notice) => notice.offset > offset)
      for (const notice of next) this.#deliver(notice)
      this.#deps.metrics.healed(next.length)
      if (head.offset > this.position.offset) this.#hasMore = true
    } catch (error) {
      this.#needsVerification ||= isDue
      throw error
    }
  }

  /** The log lost notices that were delivered. It must get a new epoch before anything else is. */
  async #replaceEpoch(): Promise<void> {
    this.#needsVerification = true
    this.#hasMore = true
    await this.#epochs.replace(this.position, this.#known.snapshot())
  }

  /** Goes on under the epoch that the log has now, with the first notice that may be new to a listener. */
  async #changeEpoch(epoch: string): Promise<void> {
    this.#hasMore = true
    const next = await this.#epochs.follow(this.position, epoch, this.#known.snapshot())
    if (next === undefined || this.#isClosed) return
    this.#epochs.left(this.position.epoch)
    this.#skipTo(next, 'epoch-changed')
  }

  /** Reads the entry at the room's position, unless a notice follows it first, which serves as well. */
  async #findWitness(): Promise<void> {
    const { position } = this
    const isNeeded = (): boolean =>
      !this.#isClosed &&
      this.tail.length === 0 &&
      position.offset > 0 &&
      this.position.epoch === position.epoch
    while (isNeeded()) {
      try {
        const read = async () =>
          isNeeded() ? await entryAt(this.#deps.broker, this.room, position) : undefined
        const entry = await this.#reads.run(this, read)
        if (entry !== undefined && isNeeded()) this.#known.witnessed(entry)
        return
      } catch {
        // The lane logs it, and delays what follows.
      }
    }
  }

  #skipTo(position: Position, reason: GapReason): void {
    this.#deps.log.warn(
      { reason, from: this.position, to: position },
      'notices missing from room log, gap sent',
    )
    this.flush()
    this.position = position
    this.#known.clear()
    this.#deps.hub.broadcastGap(this.room, reason, position)
    void this.#findWitness()
  }
}
