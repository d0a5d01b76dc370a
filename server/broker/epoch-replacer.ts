import { fullJitterMs } from '../../shared/backoff.ts'
import type { Position } from '../../shared/position.ts'
import type { Room } from '../../shared/room.ts'
import { NODE_CLOCK } from '../lib/timers.ts'
import type { Clock } from '../lib/timers.ts'
import type { Logger } from '../telemetry/logger.ts'

/** A log that had, or may have had, another entry at `position`, which the store lost. */
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
 * Gives logs that went back another epoch. Keeps trying, because the evidence is here alone once the log has grown beyond where it
 * was.
 */
export function createEpochReplacer({ newEpoch, log, clock = NODE_CLOCK }: EpochReplacerDependencies) {
  const waiting = new Map<string, RolledBackLog>()
  /** Those of `waiting` that are being replaced. */
  const inFlight = new Set<string>()
  let timer: unknown
  let failures = 0
  let isStopped = false

  async function replaceOne(key: string, one: RolledBackLog): Promise<void> {
    const { room, position } = one
    inFlight.add(key)
    try {
      await newEpoch(room, position.epoch, position.offset - 1)
      // Otherwise an earlier entry was found to be lost meanwhile: from there on, the log is another.
      if (waiting.get(key) === one) waiting.delete(key)
    } finally {
      inFlight.delete(key)
    }
  }

  /** Tries the oldest ones. Tries the rest at once if these succeed, otherwise after a delay that grows. */
  async function replaceSome(): Promise<void> {
    const oldest: (readonly [string, RolledBackLog])[] = []
    for (const entry of waiting) {
      if (oldest.length >= MAX_CONCURRENT) break
      if (!inFlight.has(entry[0])) oldest.push(entry)
    }
    if (oldest.length === 0) return
    const outcomes = await Promise.allSettled(oldest.map(([key, one]) => replaceOne(key, one)))
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    failures = failed === undefined ? 0 : failures + 1
    if (failed) log.error({ err: failed.reason, rooms: waiting.size }, 'cannot start a new epoch, retrying')
    if (waiting.size > inFlight.size) schedule()
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
