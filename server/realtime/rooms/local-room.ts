import type { Notice } from '../../../shared/notice.ts'
import type { GapReason, Position } from '../../../shared/position.ts'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { Broker } from '../../broker/broker.ts'
import type { Pace } from '../../lib/pacing.ts'
import type { Clock } from '../../lib/timers.ts'
import { createBatcher, createNoticePace } from './batcher.ts'
import type { Batcher } from './batcher.ts'
import type { Evidence } from './evidence.ts'
import type { Hub } from './hub.ts'
import { JointChecks } from './joint-checks.ts'
import { KnownEntries } from './known-entries.ts'
import { Lag } from './lag.ts'
import type { LagReporter } from './lag.ts'
import { LogFollower } from './log-follower.ts'
import type { LogFollowerDependencies, SharedByFollowers } from './log-follower.ts'
import type { NoticeSink } from './log-reads.ts'
import { ReadLane } from './read-lane.ts'

export interface LocalRoomOptions {
  /** See `maxWindowMs` of `createBatcher`. */
  readonly batchWindowMs: number
}

export interface LocalRoomDependencies extends LogFollowerDependencies {
  readonly broker: LogFollowerDependencies['broker'] & Pick<Broker, 'excerpts'>
  readonly hub: Pick<Hub, 'broadcast' | 'broadcastGap'>
  /** Shared by the rooms of a node. Default: those of one room. */
  readonly shared?: SharedByRooms
  /** Replaced by tests. */
  readonly pace?: Pace
  readonly clock?: Clock
}

/** What the rooms of a node share. */
interface SharedByRooms extends SharedByFollowers<LocalRoom> {
  readonly pace: Pace
}

export function sharedByRooms(
  { broker, log, pace = createNoticePace() }: Pick<LocalRoomDependencies, 'broker' | 'log' | 'pace'>,
  lag: LagReporter<LocalRoom> = new Lag(() => performance.now()),
): SharedByRooms {
  const reads = new ReadLane(log)
  return { reads, checks: new JointChecks(broker, reads), lag, pace }
}

const NOTHING_KNOWN: Evidence = { tail: [], witness: undefined }

/**
 * One room on this node: delivers each notice of the room's log once, in order, to those who listen on this node.
 *
 * A node has up to 100,000 of these, most of which never hear of anything: parts are made when they are needed.
 */
export class LocalRoom implements NoticeSink {
  readonly room: Room
  /** See `roomName`. */
  readonly name: string
  /** The last notice delivered. */
  position: Position = { epoch: '', offset: 0 }
  isClosed = false

  readonly #options: LocalRoomOptions
  readonly #deps: LocalRoomDependencies
  readonly #shared: SharedByRooms
  readonly #follower: LogFollower<LocalRoom>
  #batcher: Batcher | undefined
  #known: KnownEntries | undefined

  constructor(room: Room, options: LocalRoomOptions, dependencies: LocalRoomDependencies) {
    this.room = room
    this.name = roomName(room)
    this.#options = options
    this.#deps = dependencies
    this.#shared = dependencies.shared ?? sharedByRooms(dependencies)
    this.#follower = new LogFollower(this, dependencies, this.#shared)
  }

  /** Subscribes, and starts at the head of the log. Rejects with BROKER_UNAVAILABLE; the room is then of no use. */
  async open(): Promise<void> {
    await this.#follower.start()
  }

  /** The latest notices delivered, oldest first, up to `position`. */
  get tail(): readonly Notice[] {
    return this.evidence.tail
  }

  get isOpen(): boolean {
    return this.position.epoch !== '' && !this.isClosed
  }

  close(): void {
    this.isClosed = true
    this.#follower.stop()
    this.#batcher?.close()
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

  /** See `LogFollower`. */
  catchUp(maxMs: number): Promise<boolean> {
    return this.#follower.catchUp(maxMs)
  }

  /** See `LogFollower`. */
  checkHead(seen: Position, head: Position): void {
    this.#follower.checkHead(seen, head)
  }

  /** See `NoticeSink`. */
  get evidence(): Evidence {
    return this.#known ?? NOTHING_KNOWN
  }

  /** See `NoticeSink`. */
  deliver(notice: Notice): void {
    this.position = { epoch: this.position.epoch, offset: notice.offset }
    this.#known ??= new KnownEntries()
    this.#known.push(notice)
    this.#batcher ??= this.#createBatcher()
    this.#batcher.push(notice)
  }

  /** See `NoticeSink`. */
  witnessed(entry: Notice): void {
    this.#known ??= new KnownEntries()
    this.#known.witnessed(entry)
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
    this.#follower.findWitness()
  }

  #createBatcher(): Batcher {
    const { hub, clock } = this.#deps
    return createBatcher(
      { maxWindowMs: this.#options.batchWindowMs, clock, pace: this.#shared.pace },
      (notices) => hub.broadcast(this.room, this.position.epoch, notices),
    )
  }
}
