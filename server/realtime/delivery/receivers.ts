import { isRecord } from '../../../shared/json.ts'
import type { Cause } from './rules.ts'

/** Receivers report every second. After this long, one may be cut off from the broker, and keep recalls on its disk. */
const VANISHED_AFTER_MS = 2_800
/** A heartbeat grows older for this long after it was read. A read that fails does not show that a receiver has vanished. */
const READ_LIFETIME_MS = 300
/** From this age on, a heartbeat or a recall on a disk may soon be a reason for a doubt: better look again before. */
const UNCERTAIN_FROM_MS = 1_500
const UNCERTAIN_UNTIL_MS = 4_000
/** After this long, a receiver that does not return is no longer waited for. */
const MEMORY_MS = 600_000
/**
 * The same for one that was well and had nothing on its disk: it was most likely killed, and may not return, but may also be
 * cut off alone and go on answering OK.
 */
const WELL_MEMORY_MS = 120_000
/**
 * A server or a network that was frozen carries out at once what it was sent long ago, for at most `QUEUE_MS`. So a heartbeat
 * that comes this late is no sign of life, but the next one is.
 */
const LATE_AFTER_MS = 1_500
const QUEUE_MS = 300
/** A forged or very strange set of heartbeats must not fill the memory. */
const MAX_RECEIVERS = 1_000

interface Heartbeat {
  readonly id: string
  readonly ageMs: number
  readonly text: string
}

/** What a process with a spool said last. Times by `performance.now()` of this process. */
interface Receiver {
  readonly writtenAtMs: number
  readonly recalls: number
  /** When the oldest recall on its disk arrived. */
  readonly oldestAtMs: number
  /** Whether it could publish. */
  readonly isReady: boolean
  /** It has said that it stops: nothing is added to its disk any more. */
  readonly isStopping: boolean
  /** Whether it would say so. Those of earlier versions just stop. */
  readonly saysGoodbye: boolean
  /** The latest heartbeat that was surely sent when it was written. */
  readonly surelyAtMs: number
  /** What was written before may have been sent long ago. */
  readonly sureFromMs: number
}

/**
 * What this node knows of the disks of receivers, from their heartbeats: a recall that was answered with OK can wait there, and
 * no log knows of it. Remembers receivers that vanished by their data folder, which another process may take over.
 */
export class Receivers {
  readonly #byFolder = new Map<string, Receiver>()
  #readAtMs = -Infinity
  #reportAfterMs = -Infinity

  /** To be called with all heartbeats. `nowMs`: when they were asked for. */
  read(heartbeats: readonly Heartbeat[], nowMs: number): void {
    this.#readAtMs = nowMs
    for (const { id, ageMs, text } of heartbeats) {
      const report = parse(text)
      if (report === undefined) continue
      const folder = report.dataFolder ?? id
      const known = this.#byFolder.get(folder)
      if (known === undefined && this.#byFolder.size >= MAX_RECEIVERS) continue
      const writtenAtMs = nowMs - ageMs
      if (known !== undefined && known.writtenAtMs > writtenAtMs) continue
      const isLate = known?.isStopping === false && writtenAtMs - known.writtenAtMs > LATE_AFTER_MS
      const sureFromMs = isLate ? writtenAtMs + QUEUE_MS : (known?.sureFromMs ?? -Infinity)
      this.#byFolder.set(folder, {
        writtenAtMs,
        recalls: report.recalls,
        oldestAtMs: writtenAtMs - report.spoolAgeMs,
        isReady: report.isReady,
        isStopping: report.isStopping,
        saysGoodbye: report.dataFolder !== undefined,
        surelyAtMs: writtenAtMs >= sureFromMs ? writtenAtMs : (known?.surelyAtMs ?? writtenAtMs),
        sureFromMs,
      })
    }
    for (const [folder, { writtenAtMs }] of this.#byFolder)
      if (nowMs - writtenAtMs > MEMORY_MS) this.#byFolder.delete(folder)
  }

  /** The node can hear again: each receiver must report anew before its disk counts as empty. */
  interrupted(nowMs: number): void {
    this.#reportAfterMs = nowMs + QUEUE_MS
  }

  /** Whether another read may prevent a doubt, or has to confirm it. */
  isUncertain(nowMs: number): boolean {
    const isSoon = (sinceMs: number): boolean =>
      nowMs - sinceMs > UNCERTAIN_FROM_MS && nowMs - sinceMs < UNCERTAIN_UNTIL_MS
    return [...this.#byFolder.values()].some(
      ({ surelyAtMs, recalls, oldestAtMs, isStopping }) =>
        (recalls > 0 && isSoon(oldestAtMs)) || (!isStopping && isSoon(surelyAtMs)),
    )
  }

  /** Returns why recalls may be waiting, if they may. */
  causes(nowMs: number): readonly Cause[] {
    const asOfMs = Math.min(nowMs, this.#readAtMs + READ_LIFETIME_MS)
    const waiting: Cause[] = []
    const vanished: Cause[] = []
    const silent: Cause[] = []
    for (const receiver of this.#byFolder.values()) {
      const { writtenAtMs, surelyAtMs, sureFromMs, recalls, oldestAtMs } = receiver
      const { isReady, isStopping, saysGoodbye } = receiver
      if (nowMs - writtenAtMs > MEMORY_MS) continue
      const isMissed = saysGoodbye && (!isReady || nowMs - writtenAtMs < WELL_MEMORY_MS)
      const isVanished = asOfMs - surelyAtMs > VANISHED_AFTER_MS
      if (recalls > 0) waiting.push({ sinceMs: oldestAtMs, reason: isVanished ? RECALLS_GONE : RECALLS_WAIT })
      else if (isStopping) continue
      else if (isVanished && isMissed) vanished.push({ sinceMs: surelyAtMs, reason: VANISHED })
      // Never a reason for a doubt, but one to stay in doubt.
      else if (writtenAtMs < sureFromMs || surelyAtMs < this.#reportAfterMs)
        silent.push({ sinceMs: nowMs, reason: NOT_REPORTED })
    }
    return [...waiting, ...vanished, ...silent]
  }
}

const RECALLS_WAIT = 'recalls are waiting on the disk of a receiver'
const RECALLS_GONE = 'recalls are waiting on the disk of a receiver that is gone or cut off'
const VANISHED = 'a receiver is gone or cut off, and recalls may be waiting on its disk'
const NOT_REPORTED = 'it is not known yet whether recalls are waiting on the disk of a receiver'

interface Report {
  readonly dataFolder: string | undefined
  readonly recalls: number
  readonly spoolAgeMs: number
  readonly isReady: boolean
  readonly isStopping: boolean
}

/** Reads what a heartbeat says of a disk; undefined if the process has none. Tolerant: other versions say more, or less. */
function parse(text: string): Report | undefined {
  try {
    const state: unknown = JSON.parse(text)
    if (!isRecord(state) || !isRecord(state['spool'])) return undefined
    const { recalls, ageMs } = state['spool']
    if (typeof recalls !== 'number' || typeof ageMs !== 'number') return undefined
    const { dataFolder, ready, stopping } = state
    return {
      dataFolder: typeof dataFolder === 'string' ? dataFolder : undefined,
      recalls,
      spoolAgeMs: Math.max(0, ageMs),
      isReady: ready === true,
      isStopping: stopping === true,
    }
  } catch {
    return undefined
  }
}
