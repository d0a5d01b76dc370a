import { fullJitterMs } from '../../../shared/backoff.ts'
import type { Position } from '../../../shared/position.ts'
import type { Room } from '../../../shared/room.ts'
import { NODE_CLOCK } from '../../lib/timers.ts'
import type { Clock } from '../../lib/timers.ts'
import type { Logger } from '../../telemetry/logger.ts'

/** Rooms in each of the two maps. */
const MAX_ROOMS = 5_000
/** Epochs that are remembered of a room, besides its present one. */
const MAX_EARLIER_EPOCHS = 3

interface Known {
  readonly position: Position
  readonly earlierEpochs: readonly string[]
}

/**
 * Remembers where the logs of recently used rooms end, to detect when one goes back: a failover lost confirmed recalls.
 * Holds the latest 5,000 rooms at least and 10,000 at most.
 */
export class RollbackDetector {
  /** Rooms published to recently. When full, it replaces `#older`, whose rooms are forgotten. */
  #recent = new Map<string, Known>()
  #older = new Map<string, Known>()

  /**
   * Records the position of a new entry. Returns whether the log had reached it before, under the same epoch, or under one that
   * had been replaced: then the replacement was lost too.
   */
  wentBack(room: string, position: Position): boolean {
    const known = this.#recent.get(room) ?? this.#older.get(room)
    const before = known?.position
    const isSameEpoch = before?.epoch === position.epoch
    const earlierEpochs =
      known === undefined || isSameEpoch
        ? (known?.earlierEpochs ?? [])
        : [known.position.epoch, ...known.earlierEpochs].slice(0, MAX_EARLIER_EPOCHS)
    this.#recent.set(room, { position, earlierEpochs })
    if (this.#recent.size >= MAX_ROOMS) {
      this.#older = this.#recent
      this.#recent = new Map()
    }
    if (before === undefined) return false
    return isSameEpoch ? position.offset <= before.offset : earlierEpochs.includes(position.epoch)
  }
}

/** A log that ended before `position`, although it had reached it already: a failover lost confirmed recalls. */
export interface RolledBackLog {
  readonly room: Room
  readonly name: string
  readonly position: Position
}

const MAX_RETRY_DELAY_MS = 5_000
/** Epochs waiting to be replaced. Beyond it, rooms depend on their nodes, which compare what they delivered with the log. */
const MAX_WAITING = 10_000
/** Epochs replaced concurrently. */
const MAX_CONCURRENT = 16

interface EpochReplacerDependencies {
  /** See `Broker.newEpoch`. */
  readonly newEpoch: (room: Room, epoch: string, agreesUntil: number) => Promise<void>
  readonly log: Logger
  readonly clock?: Clock
}

/**
 * Gives logs that were rolled back another epoch. Keeps trying, because the evidence is here alone once the log has grown
 * beyond where it was.
 */
export function createEpochReplacer({ newEpoch, log, clock = NODE_CLOCK }: EpochReplacerDependencies) {
  const waiting = new Map<string, RolledBackLog>()
  let timer: unknown
  let failures = 0
  let isStopped = false

  async function replaceOne(key: string, { room, position }: RolledBackLog): Promise<void> {
    await newEpoch(room, position.epoch, position.offset - 1)
    waiting.delete(key)
  }

  /** Tries the oldest ones. Tries the rest at once if these succeed, otherwise after a delay that grows. */
  async function replaceSome(): Promise<void> {
    const oldest = [...waiting].slice(0, MAX_CONCURRENT)
    const outcomes = await Promise.allSettled(oldest.map(([key, one]) => replaceOne(key, one)))
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    failures = failed === undefined ? 0 : failures + 1
    if (failed) log.error({ err: failed.reason, rooms: waiting.size }, 'cannot start a new epoch, retrying')
    if (waiting.size > 0) schedule()
  }

  function schedule(): void {
    if (isStopped || timer !== undefined) return
    const delayMs = failures === 0 ? 0 : fullJitterMs(failures, { baseMs: 50, maxMs: MAX_RETRY_DELAY_MS })
    timer = clock.setTimeout(() => {
      timer = undefined
      void replaceSome()
    }, delayMs)
  }

  return {
    /** Resolves after the first attempt, whatever its outcome. */
    async replace(rolledBack: readonly RolledBackLog[]): Promise<void> {
      if (rolledBack.length === 0) return
      for (const one of rolledBack) {
        log.error({ room: one.name, position: one.position }, 'log lost confirmed recalls')
        const key = `${one.name} ${one.position.epoch}`
        const isFirst = (waiting.get(key)?.position.offset ?? Infinity) > one.position.offset
        if (isFirst && waiting.size < MAX_WAITING) waiting.set(key, one)
      }
      if (timer === undefined) await replaceSome()
    },

    stop(): void {
      isStopped = true
      clock.clearTimeout(timer)
    },
  }
}
