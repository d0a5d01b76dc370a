import type { Notice } from '../../../shared/notice.ts'
import type { Position } from '../../../shared/position.ts'
import type { Broker, RoomListener, Subscription } from '../../broker/broker.ts'
import type { Excerpt, LogPart } from '../../broker/log-reading.ts'
import { firstOf, isContradicted, isSame } from './evidence.ts'
import type { Checked, JointChecks } from './joint-checks.ts'
import type { LagReporter } from './lag.ts'
import { LogReads } from './log-reads.ts'
import type { LogReadsDependencies, NoticeSink } from './log-reads.ts'
import type { ReadLane } from './read-lane.ts'

export interface LogFollowerDependencies extends LogReadsDependencies {
  readonly broker: Pick<Broker, 'subscribe' | 'heads' | 'history' | 'newEpoch'>
}

/** What all followers of a node share. */
export interface SharedByFollowers<Sink extends object> {
  readonly reads: ReadLane
  readonly checks: JointChecks
  readonly lag: LagReporter<Sink>
}

/** `opening` until the room is subscribed, `live` while what arrives is delivered. */
type Phase = 'opening' | 'live' | 'checking' | 'reading'

/**
 * Follows the log of one room through the broker.
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
 * After an interruption all rooms of the node look at their logs together (`JointChecks`). Those that find another end there than
 * their own, or another entry, read it each by itself, and compare again in the same read.
 */
export class LogFollower<Sink extends NoticeSink> implements RoomListener, Checked {
  readonly #sink: Sink
  readonly #deps: LogFollowerDependencies
  readonly #shared: SharedByFollowers<Sink>
  #subscription: Subscription | undefined
  #logReads: LogReads | undefined
  #phase: Phase = 'opening'
  #hasMore = false
  #needsVerification = false
  /** The part of the log that was asked for last. */
  #asked: LogPart | undefined
  /** Those who wait until the room has caught up. */
  #waiting: Set<() => void> | undefined

  constructor(sink: Sink, dependencies: LogFollowerDependencies, shared: SharedByFollowers<Sink>) {
    this.#sink = sink
    this.#deps = dependencies
    this.#shared = shared
  }

  /** Subscribes, and starts at the head of the log. Rejects with BROKER_UNAVAILABLE. */
  async start(): Promise<void> {
    const { broker } = this.#deps
    const { room } = this.#sink
    this.#subscription = await broker.subscribe(room, this)
    const [head] = await broker.heads([room])
    if (this.#sink.isClosed) return this.#subscription.leave()
    if (head !== undefined) this.#sink.position = head
    this.#phase = 'live'
    if (this.#hasMore) this.#read()
    else if (this.#needsVerification) return this.#verify()
    this.findWitness()
  }

  /** To be called once the sink is closed. */
  stop(): void {
    this.#shared.lag.forget(this.#sink)
    this.#subscription?.leave()
    this.#tellWaiting()
  }

  /**
   * Reads the log to its end. Resolves to true then, or once the room is closed; to false after `maxMs`. Never rejects. While the
   * store is away, clients ask again and again: nothing remains of those who have waited in vain.
   */
  catchUp(maxMs: number): Promise<boolean> {
    this.#hasMore = true
    if (this.#phase === 'live') this.#read()
    if (this.#sink.isClosed) return Promise.resolve(true)
    const waiting = (this.#waiting ??= new Set())
    return new Promise((resolve) => {
      const onCaughtUp = (): void => {
        clearTimeout(timer)
        resolve(true)
      }
      const timer = setTimeout(() => {
        waiting.delete(onCaughtUp)
        resolve(false)
      }, maxMs)
      waiting.add(onCaughtUp)
    })
  }

  /** Catches up if the log does not end at the room's position. `seen` is that position before `head` was read. */
  checkHead(seen: Position, head: Position): void {
    const isBehind = head.epoch === seen.epoch && head.offset < seen.offset
    const isAhead = head.epoch !== this.#sink.position.epoch || head.offset > this.#sink.position.offset
    if (isBehind || isAhead) this.#verifyAndRead()
  }

  /** Reads the entry at the room's position, unless a notice follows it first, which serves as well. */
  findWitness(): void {
    if (!this.#sink.isClosed && this.#needsWitness()) this.#shared.checks.add(this)
  }

  onNotice(notice: Notice, epoch: string): void {
    const next = this.#sink.position.offset + 1
    if (this.#phase === 'checking') this.#verifyAndRead()
    else if (this.#phase !== 'live') this.#hasMore = true
    else if (epoch !== this.#sink.position.epoch || notice.offset > next) this.#read()
    else if (notice.offset === next) this.#sink.deliver(notice)
    // One that is in the tail was usually read from the log before it arrived here.
    else if (!this.#sink.evidence.tail.some((known) => isSame(known, notice))) this.#verifyAndRead()
  }

  onLost(): void {
    if (!this.#sink.isClosed) this.#shared.lag.interrupted(this.#sink)
  }

  onInterrupted(): void {
    const { lag, reads } = this.#shared
    lag.restored(this.#sink)
    // Redis is back: a read that failed until now may succeed, and logs have moved on meanwhile.
    reads.resume()
    this.#verify()
  }

  /** See `Checked`. */
  wanted(): LogPart | undefined {
    if (this.#sink.isClosed || (this.#phase !== 'checking' && !this.#needsWitness())) return undefined
    // What is interrupted from here on has to be looked at again.
    if (this.#phase === 'checking') this.#needsVerification = false
    const { offset } = this.#sink.position
    this.#asked = {
      room: this.#sink.room,
      first: firstOf(this.#sink.evidence) ?? Math.max(offset, 1),
      last: offset,
    }
    return this.#asked
  }

  /** See `Checked`. */
  onExcerpt(part: LogPart, { head, entries }: Excerpt): void {
    // The position has not changed since, unless notices were delivered.
    if (this.#sink.isClosed || part !== this.#asked) return
    this.#asked = undefined
    const { epoch, offset } = this.#sink.position
    const stored = entries.filter((entry) => entry !== null)
    const isContradiction = isContradicted(this.#sink.evidence, stored)
    const last = stored.at(-1)
    if (head.epoch === epoch && last?.offset === offset && this.#needsWitness()) this.#sink.witnessed(last)
    if (this.#phase !== 'checking') return
    const isReadable = stored.length === entries.length
    const isAsKnown = head.epoch === epoch && head.offset === offset && isReadable && !isContradiction
    if (!isAsKnown || this.#hasMore) this.#verifyAndRead()
    else if (this.#needsVerification) this.#shared.checks.add(this)
    else this.#caughtUp()
  }

  /** See `Checked`. */
  onUnreadable(): void {
    this.#shared.lag.failed(this.#sink)
    if (this.#phase === 'checking') this.#verifyAndRead()
    else this.findWitness()
  }

  /** Compares what the room knows of its log with what it holds now. */
  #verify(): void {
    this.#needsVerification = true
    if (this.#phase !== 'live') return
    this.#phase = 'checking'
    this.#shared.lag.reading(this.#sink)
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
    this.#shared.lag.reading(this.#sink)
    void this.#readToEnd()
  }

  #caughtUp(): void {
    this.#phase = 'live'
    this.#shared.lag.caughtUp(this.#sink)
    this.#tellWaiting()
  }

  #tellWaiting(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.forEach((onCaughtUp) => onCaughtUp())
  }

  #needsWitness(): boolean {
    const { tail, witness } = this.#sink.evidence
    return tail.length === 0 && witness === undefined && this.#sink.position.offset > 0
  }

  async #readToEnd(): Promise<void> {
    while ((this.#hasMore || this.#needsVerification) && !this.#sink.isClosed) {
      this.#hasMore = false
      // The lane logs failures, once for all rooms, and delays what follows.
      await this.#shared.reads
        .run(this, () => this.#readPage())
        .catch(() => {
          this.#hasMore = true
          this.#shared.lag.failed(this.#sink)
        })
    }
    this.#caughtUp()
  }

  async #readPage(): Promise<void> {
    if (this.#sink.isClosed) return
    const isVerification = this.#needsVerification
    this.#needsVerification = false
    this.#logReads ??= new LogReads(this.#sink, this.#deps)
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
}
