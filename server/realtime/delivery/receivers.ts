import { isRecord } from '../../../shared/json.ts'
import type { Cause } from './rules.ts'

/** Receivers report every second. After this long, one may be cut off from the broker, and keep recalls on its disk. */
const VANISHED_AFTER_MS = 3_000
/** Between two reads, ages grow; without the next read nothing is known. */
const READ_LIFETIME_MS = 1_200
/** After this long, a receiver that does not return is no longer waited for. */
const MEMORY_MS = 600_000
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
  /** It has said that it stops: nothing is added to its disk any more. */
  readonly isStopping: boolean
  /** Whether it would say so. Those of earlier versions just stop. */
  readonly saysGoodbye: boolean
}

/**
 * What this node knows of the disks of receivers, from their heartbeats: a recall that was answered with OK can wait there, and
 * no log knows of it. Remembers receivers that vanished by their data folder, which another process may take over.
 */
export class Receivers {
  readonly #byFolder = new Map<string, Receiver>()
  #readAtMs = -Infinity

  /** To be called with all heartbeats, as they were read now. */
  read(heartbeats: readonly Heartbeat[], nowMs: number): void {
    this.#readAtMs = nowMs
    for (const { id, ageMs, text } of heartbeats) {
      const report = parse(text)
      if (report === undefined) continue
      const { folder = id, recalls, spoolAgeMs, isStopping } = report
      const writtenAtMs = nowMs - ageMs
      const known = this.#byFolder.get(folder)
      if (known === undefined && this.#byFolder.size >= MAX_RECEIVERS) continue
      if (known !== undefined && known.writtenAtMs > writtenAtMs) continue
      const oldestAtMs = writtenAtMs - spoolAgeMs
      const saysGoodbye = report.folder !== undefined
      this.#byFolder.set(folder, { writtenAtMs, recalls, oldestAtMs, isStopping, saysGoodbye })
    }
    for (const [folder, { writtenAtMs }] of this.#byFolder)
      if (nowMs - writtenAtMs > MEMORY_MS) this.#byFolder.delete(folder)
  }

  /**
   * Returns which recalls may wait, if any. `reportAfterMs`: after an interruption of this node, each receiver must have
   * reported since then, before its disk counts as empty. What it wrote before may be older than it looks: a server that
   * was frozen carries out at once what it was sent long ago.
   */
  causes(nowMs: number, reportAfterMs = -Infinity): readonly Cause[] {
    const asOfMs = Math.min(nowMs, this.#readAtMs + READ_LIFETIME_MS)
    const [waiting, vanished, silent]: Cause[][] = [[], [], []]
    for (const receiver of this.#byFolder.values()) {
      const { writtenAtMs, recalls, oldestAtMs, isStopping, saysGoodbye } = receiver
      if (nowMs - writtenAtMs > MEMORY_MS) continue
      const isVanished = asOfMs - writtenAtMs > VANISHED_AFTER_MS
      if (recalls > 0)
        waiting?.push({ sinceMs: oldestAtMs, reason: isVanished ? RECALLS_GONE : RECALLS_WAIT })
      else if (isStopping) continue
      else if (isVanished && saysGoodbye) vanished?.push({ sinceMs: writtenAtMs, reason: VANISHED })
      else if (writtenAtMs < reportAfterMs) silent?.push({ sinceMs: writtenAtMs, reason: NOT_REPORTED })
    }
    return [waiting, vanished, silent].flatMap((causes) => causes ?? [])
  }
}

const RECALLS_WAIT = 'recalls are waiting on the disk of a receiver'
const RECALLS_GONE = 'recalls are waiting on the disk of a receiver that is gone'
const VANISHED = 'a receiver is gone or cut off, and recalls may be waiting on its disk'
const NOT_REPORTED = 'it is not known yet whether recalls are waiting on the disk of a receiver'

interface Report {
  readonly folder: string | undefined
  readonly recalls: number
  readonly spoolAgeMs: number
  readonly isStopping: boolean
}

/** Reads what a heartbeat says of a disk; undefined if the process has none. Tolerant: other versions say more, or less. */
function parse(text: string): Report | undefined {
  try {
    const state: unknown = JSON.parse(text)
    if (!isRecord(state) || !isRecord(state['spool'])) return undefined
    const { recalls, ageMs } = state['spool']
    if (typeof recalls !== 'number' || typeof ageMs !== 'number') return undefined
    const folder = typeof state['dataFolder'] === 'string' ? state['dataFolder'] : undefined
    return { folder, recalls, spoolAgeMs: Math.max(0, ageMs), isStopping: state['stopping'] === true }
  } catch {
    return undefined
  }
}
