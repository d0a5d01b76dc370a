import { fullJitterMs } from '../../../shared/backoff.ts'
import type { Position } from '../../../shared/position.ts'
import type { Room } from '../../../shared/room.ts'
import { NODE_CLOCK } from '../../lib/timers.ts'
import type { Clock } from '../../lib/timers.ts'
import type { Logger } from '../../telemetry/logger.ts'

/** Rooms in each of the two maps. */
const MAX_ROOMS = 5_000

/**
 * Remembers where the logs of recently used rooms end, to detect when one goes back: a failover lost confirmed recalls.
 * Holds the latest 5,000 rooms at least and 10,000 at most.
 */
export class RollbackDetector {
  /** Rooms published to recently. When full, it replaces `#older`, whose rooms are forgotten. */
  #recent = new Map<string, Position>()
  #older = new Map<string, Position>()

  /** Records the position of a new entry. Returns whether the log had reached it before, under the same epoch. */
  wentBack(room: string, position: Position): boolean {
    const before = this.#recent.get(room) ?? this.#older.get(room)
    this.#recent.set(room, position)
    if (this.#recent.size >= MAX_ROOMS) {
      this.#older = this.#recent
      this.#recent = new Map()
    }
    return before !== undefined && before.epoch === position.epoch && position.offset <= before.offset
  }
}

/** A log that ends at or before a position it already had: a failover lost confirmed recalls. */
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
  readonly newEpoch: (room: Room, epoch: string) => Promise<void>
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
    await newEpoch(room, position.epoch)
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
        if (waiting.size < MAX_WAITING) waiting.set(`${one.name} ${one.position.epoch}`, one)
      }
      if (timer === undefined) await replaceSome()
    },

    stop(): void {
      isStopped = true
      clock.clearTimeout(timer)
    },
  }
}
