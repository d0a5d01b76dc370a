import type { Notice } from '../../../shared/notice.ts'
import type { GapReason, Position } from '../../../shared/position.ts'
import type { Room } from '../../../shared/room.ts'
import type { Broker } from '../../broker/broker.ts'
import type { History } from '../../broker/log-reading.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { EpochChanges } from './epoch-changes.ts'
import { copyOf, firstOf, isContradicted } from './evidence.ts'
import type { Evidence } from './evidence.ts'

/** Notices in one read of the log. */
const PAGE_NOTICES = 100

type Source = Pick<Broker, 'history'>

export interface LogReadsDependencies {
  readonly broker: Source & Pick<Broker, 'newEpoch'>
  readonly metrics: Pick<Metrics, 'healed'>
  readonly log: Logger
}

/** Takes the notices of a log as they are read, or as they arrive. */
export interface NoticeSink {
  readonly room: Room
  /** The last notice delivered. */
  position: Position
  /** What is known of the log, up to there. */
  readonly evidence: Evidence
  readonly isClosed: boolean
  /** Delivers the notice after `position`. */
  deliver(notice: Notice): void
  /** Adds the log's entry at `position` to the evidence. */
  witnessed(entry: Notice): void
  /** Resumes after this position: what precedes it is missing. */
  skipTo(position: Position, reason: GapReason): void
}

/** What a page leaves to do. `lost`: the log lost notices that were delivered; see `replaceEpoch`. */
export type PageEnd = 'end' | 'more' | 'lost'

/** Reads on in the log of one room. All of it rejects with BROKER_UNAVAILABLE. */
export class LogReads {
  readonly #sink: NoticeSink
  readonly #deps: LogReadsDependencies
  readonly #epochs: EpochChanges

  constructor(sink: NoticeSink, dependencies: LogReadsDependencies) {
    this.#sink = sink
    this.#deps = dependencies
    this.#epochs = new EpochChanges(sink.room, dependencies)
  }

  /** Delivers the next notices; `isVerification`: after a comparison with what was delivered before. */
  async readPage(isVerification: boolean): Promise<PageEnd> {
    const sink = this.#sink
    const evidence = isVerification ? copyOf(sink.evidence) : undefined
    const { history, isLost } = await readOn(this.#deps.broker, sink.room, sink.position, evidence)
    if (sink.isClosed) return 'end'
    const { head } = history
    const { epoch, offset } = sink.position
    if (isLost || (head.epoch === epoch && head.offset < offset)) return 'lost'
    if (history.gap === 'epoch-changed') return await this.#changeEpoch(head.epoch)
    if (history.gap !== undefined) {
      sink.skipTo(head, history.gap)
      return 'end'
    }
    const next = history.notices.filter((notice) => notice.offset > offset)
    for (const notice of next) sink.deliver(notice)
    this.#deps.metrics.healed(next.length)
    return head.offset > sink.position.offset ? 'more' : 'end'
  }

  /** Gives the log a new epoch. It must get one before anything else is delivered. */
  async replaceEpoch(): Promise<void> {
    await this.#epochs.replace(this.#sink.position, copyOf(this.#sink.evidence))
  }

  /** Goes on under the epoch that the log has now, with the first notice that may be new to a listener. */
  async #changeEpoch(epoch: string): Promise<PageEnd> {
    const sink = this.#sink
    const next = await this.#epochs.follow(sink.position, epoch, copyOf(sink.evidence))
    if (next !== undefined && !sink.isClosed) {
      this.#epochs.left(sink.position.epoch)
      sink.skipTo(next, 'epoch-changed')
    }
    return 'more'
  }
}

/**
 * Reads what follows the position of a room, a page at most. With evidence, compares it with the log in the same read: all of it, or only
 * its end if the log no longer reaches back that far. `isLost`: the log holds other entries than these. Rejects with
 * BROKER_UNAVAILABLE.
 */
async function readOn(
  broker: Source,
  room: Room,
  { epoch, offset }: Position,
  evidence?: Evidence,
): Promise<{ readonly history: History; readonly isLost: boolean }> {
  const read = (from: number): Promise<History> =>
    broker.history(room, { epoch, offset: from - 1 }, offset - from + 1 + PAGE_NOTICES)
  const first = evidence && firstOf(evidence)
  if (evidence !== undefined && first !== undefined)
    for (const from of [first, offset]) {
      const history = await read(from)
      if (history.gap === undefined) return { history, isLost: isContradicted(evidence, history.notices) }
      if (history.gap === 'epoch-changed') return { history, isLost: false }
    }
  return { history: await read(offset + 1), isLost: false }
}
