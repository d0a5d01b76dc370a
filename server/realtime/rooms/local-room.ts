import type { Notice } from '../../../shared/notice.ts'
import type { GapReason, Position } from '../../../shared/position.ts'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { Broker, Excerpt, LogPart, RoomListener, Subscription } from '../../broker/broker.ts'
import type { Pace } from '../../lib/pacing.ts'
import type { Clock } from '../../lib/timers.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { createBatcher, createNoticePace } from './batcher.ts'
import type { Batcher } from './batcher.ts'
import { firstOf, isContradicted } from './evidence.ts'
import type { Evidence } from './evidence.ts'
import type { Hub } from './hub.ts'
import { JointChecks } from './joint-checks.ts'
import type { Checked } from './joint-checks.ts'
import { KnownEntries } from './known-entries.ts'
import { Lag } from './lag.ts'
import type { LagReporter } from './lag.ts'
import { LogReads } from './log-reads.ts'
import type { NoticeSink } from './log-reads.ts'
import { ReadLane } from './read-lane.ts'

export interface LocalRoomOptions {
  /** See `maxWindowMs` of `createBatcher`. */
  readonly batchWindowMs: number
}

export interface LocalRoomDependencies {
  readonly broker: Pick<Broker, 'subscribe' | 'heads' | 'history' | 'excerpts' | 'newEpoch'>
  readonly hub: Pick<Hub, 'broadcast' | 'broadcastGap'>
  readonly metrics: Metrics
  readonly log: Logger
  /** Shared by the rooms of a node. Default: those of one room. */
  readonly shared?: SharedByRooms
  /** Replaced by tests. */
  readonly pace?: Pace
  readonly clock?: Clock
}

/** What the rooms of a node share. */
export interface SharedByRooms {
  readonly reads: ReadLane
  readonly checks: JointChecks
  readonly lag: LagReporter<LocalRoom>
  readonly pace: Pace
}

export function sharedByRooms(
  { broker, log, pace = createNoticePace() }: Pick<LocalRoomDependencies, 'broker' | 'log' | 'pace'>,
  lag: LagReporter<LocalRoom> = new Lag(() => performance.now()),
): SharedByRooms {
  const reads = new ReadLane(log)
  return { reads, checks: new JointChecks(broker, reads), lag, pace }
}

/** `opening` until the room is subscribed, `live` while what arrives is delivered. */
type Phase = 'opening' | 'live' | 'checking' | 'reading'

const NOTHING_KNOWN: Evidence = { tail: [], witness: undefined }

/**
 * One room on this node: follows the room's log through the broker and delivers each notice once, in order.
 *
 * Notices arrive live. Whatever is wrong with them (a hole, another epoch, an interrupted subscription) has one remedy:
 * read the log from the last position until a read finds that nothing is left. Meanwhile live notices only signal that
 * there is more to read.
 *
 * A failover of the store may lose entries that were delivered already, and give their offsets to others. Whenever that
 * may have happened, the tail is compared with the log. If the log differs, or ends before the tail does, it
 * gets a new epoch and the listeners receive a gap. A room that has delivered nothing yet has a witness instead of a tail. What
 * the log holds that may be new to a listener follows the gap.
 *
 * After an interruption all rooms of the node look at their logs together (`JointChecks`). Those that find another end there than their
 * own, or another entry, read it each by itself, and compare again in the same read.
 *
 * A node has up to 100,000 of these, most of which never hear of anything: parts are made when they are needed.
 */
export class LocalRoom implements RoomListener, Checked, NoticeSink {
  readonly room: Room
  /** See `roomName`. */
  readonly name: string
  /** The last notice delivered. */
  position: Position = { epoch: '', offset: 0 }

  readonly #options: LocalRoomOptions
  readonly #deps: LocalRoomDependencies
  readonly #shared: SharedByRooms
  #batcher: Batcher | undefined
  #logReads: LogReads | undefined
  #known: KnownEntries | undefined
  #subscription: Subscription | undefined
  #phase: Phase = 'opening'
  #hasMore = false
  #needsVerification = false
  isClosed = false
  /** The part of the log that was asked for last. */
  #asked: LogPart | undefined
  /** Those who wait until the room has caught up. */
  #waiting: (() => void)[] | undefined

  constructor(room: Room, options: LocalRoomOptions, dependencies: LocalRoomDependencies) {
    this.room = room
    this.name = roomName(room)
    this.#options = options
    this.#deps = dependencies
    this.#shared = dependencies.shared ?? sharedByRooms(dependencies)
  }

  /** Subscribes, and starts at the head of the log. Rejects with BROKER_UNAVAILABLE; the room is then of no use. */
  async open(): Promise<void> {
    const { broker } = this.#deps
    this.#subscription = await broker.subscribe(this.room, this)
    const [head] = await broker.heads([this.room])
    if (this.isClosed) return this.#subscription.leave()
    if (head !== undefined) this.position = head
    this.#phase = 'live'
    if (this.#hasMore) this.#read()
    else if (this.#needsVerification) return this.#verify()
    this.#findWitness()
  }

  /** The latest notices delivered, oldest first, up to `position`. */
  get tail(): readonly Notice[] {
    return this.evidence.tail
  }

  get isOpen(): boolean {
    return this.#subscription !== undefined && this.position.epoch !== '' && !this.isClosed
  }

  close(): void {
    this.isClosed = true
    this.#shared.lag.forget(this)
    this.#subscription?.leave()
    this.#batcher?.close()
    this.#tellWaiting()
  }

  /** Sends the current batch: everything up to `position` is then on its way to those who listen now. */
  flush(): void {
    this.#batcher?.flush()
  }

  /** Prepends notices from the log to the tail, for clients that reconnect soon, if they end where the tail begins. */
  remember(epoch: string, notices: readonly Notice[]): void {
    if (epoch !== this.position.epoch || notices.length === 0) return
    this.#known ??= new KnownEntries()
    this.#known.prepend(notices, this.position.offset)
  }

  /** Reads the log to its end. Resolves then, or once the room is closed. Never rejects. */
  catchUp(): Promise<void> {
    this.#hasMore = true
    if (this.#phase === 'live') this.#read()
    if (this.isClosed) return Promise.resolve()
    return new Promise((resolve) => void (this.#waiting ??= []).push(resolve))
  }

  /** Catches up if the log does not end at the room's position. `seen` is that position before `head` was read. */
  checkHead(seen: Position, head: Position): void {
    const isBehind = head.epoch === seen.epoch && head.offset < seen.offset
    const isAhead = head.epoch !== this.position.epoch || head.offset > this.position.offset
    if (isBehind || isAhead) this.#verifyAndRead()
  }

  onNotice(notice: Notice, epoch: string): void {
    const next = this.position.offset + 1
    if (this.#phase === 'checking') this.#verifyAndRead()
    else if (this.#phase !== 'live') this.#hasMore = true
    else if (epoch !== this.position.epoch || notice.offset > next) this.#read()
    else if (notice.offset === next) this.deliver(notice)
    // One that is in the tail was usually read from the log before it arrived here.
    else if (!this.#known?.has(notice)) this.#verifyAndRead()
  }

  onLost(): void {
    if (!this.isClosed) this.#shared.lag.interrupted(this)
  }

  onInterrupted(): void {
    const { lag, reads } = this.#shared
    lag.restored(this)
    // Redis is back: a read that failed until now may succeed, and logs have moved on meanwhile.
    reads.resume()
    this.#verify()
  }

  /** See `Checked`. */
  wanted(): LogPart | undefined {
    if (this.isClosed || (this.#phase !== 'checking' && !this.#needsWitness())) return undefined
    // What is interrupted from here on has to be looked at again.
    if (this.#phase === 'checking') this.#needsVerification = false
    const { offset } = this.position
    this.#asked = { room: this.room, first: firstOf(this.evidence) ?? Math.max(offset, 1), last: offset }
    return this.#asked
  }

  /** See `Checked`. */
  onExcerpt(part: LogPart, { head, entries }: Excerpt): void {
    // The position has not changed since, unless notices were delivered.
    if (this.isClosed || part !== this.#asked) return
    this.#asked = undefined
    const { epoch, offset } = this.position
    const stored = entries.filter((entry) => entry !== null)
    const isContradiction = isContradicted(this.evidence, stored)
    const last = stored.at(-1)
    if (head.epoch === epoch && last?.offset === offset && this.#needsWitness())
      (this.#known ??= new KnownEntries()).witnessed(last)
    if (this.#phase !== 'checking') return
    const isReadable = stored.length === entries.length
    const isAsKnown = head.epoch === epoch && head.offset === offset && isReadable && !isContradiction
    if (!isAsKnown || this.#hasMore) this.#verifyAndRead()
    else if (this.#needsVerification) this.#shared.checks.add(this)
    else this.#caughtUp()
  }

  /** See `Checked`. */
  onUnreadable(): void {
    this.#shared.lag.failed(this)
    if (this.#phase === 'checking') this.#verifyAndRead()
    else this.#findWitness()
  }

  /** Compares what the room knows of its log with what it holds now. */
  #verify(): void {
    this.#needsVerification = true
    if (this.#phase !== 'live') return
    this.#phase = 'checking'
    this.#shared.lag.reading(this)
    this.#shared.checks.add(this)
  }

  /** As `#verify`, when it is known that there is something to read. */
  #verifyAndRead(): void {
    this.#needsVerification = true
    this.#hasMore = true
    if (this.#phase === 'live' || this.#phase === 'checking') this.#read()
  }

  #read(): void {
    this.#hasMore = true
    this.#phase = 'reading'
    this.#shared.lag.reading(this)
    void this.#readToEnd()
  }

  #caughtUp(): void {
    this.#phase = 'live'
    this.#shared.lag.caughtUp(this)
    this.#tellWaiting()
  }

  #tellWaiting(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    for (const resolve of waiting ?? []) resolve()
  }

  /** See `NoticeSink`. */
  get evidence(): Evidence {
    return this.#known ?? NOTHING_KNOWN
  }

  #needsWitness(): boolean {
    const { tail, witness } = this.evidence
    return tail.length === 0 && witness === undefined && this.position.offset > 0
  }

  /** Reads the entry at the room's position, unless a notice follows it first, which serves as well. */
  #findWitness(): void {
    if (!this.isClosed && this.#needsWitness()) this.#shared.checks.add(this)
  }

  /** See `NoticeSink`. */
  deliver(notice: Notice): void {
    this.position = { epoch: this.position.epoch, offset: notice.offset }
    this.#known ??= new KnownEntries()
    this.#known.push(notice)
    this.#batcher ??= this.#createBatcher()
    this.#batcher.push(notice)
  }

  #createBatcher(): Batcher {
    const { hub, clock } = this.#deps
    return createBatcher(
      { maxWindowMs: this.#options.batchWindowMs, clock, pace: this.#shared.pace },
      (notices) => hub.broadcast(this.room, this.position.epoch, notices),
    )
  }

  async #readToEnd(): Promise<void> {
    while ((this.#hasMore || this.#needsVerification) && !this.isClosed) {
      this.#hasMore = false
      // The lane logs failures, once for all rooms, and delays what follows.
      await this.#shared.reads
        .run(this, () => this.#readPage())
        .catch(() => {
          this.#hasMore = true
          this.#shared.lag.failed(this)
        })
    }
    this.#caughtUp()
  }

  async #readPage(): Promise<void> {
    if (this.isClosed) return
    const isVerification = this.#needsVerification
    this.#needsVerification = false
    this.#logReads ??= new LogReads(this, this.#deps)
    try {
      const end = await this.#logReads.readPage(isVerification)
      if (end === 'end') return
      this.#hasMore = true
      if (end === 'more') return
      this.#needsVerification = true
      await this.#logReads.replaceEpoch()
    } catch (error) {
      this.#needsVerification ||= isVerification
      throw error
    }
  }

  /** See `NoticeSink`. */
  skipTo(position: Position, reason: GapReason): void {
    this.#deps.log.warn(
      { reason, from: this.position, to: position },
      'notices missing from room log, gap sent',
    )
    this.flush()
    this.position = position
    this.#known = undefined
    this.#deps.hub.broadcastGap(this.room, reason, position)
    this.#findWitness()
  }
}
