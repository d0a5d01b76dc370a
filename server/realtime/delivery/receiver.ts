import type { Report } from './receiver-report.ts'
import { SentClock } from './sent-clock.ts'

/** After this long, a receiver that does not return is no longer waited for. */
export const MEMORY_MS = 600_000
/**
 * The first heartbeat of a process does not show how late it comes. One that comes this long after the process before it, on the
 * same folder, is no sign of life; the next one, `QUEUE_MS` later, is.
 */
export const LATE_AFTER_MS = 1_500
/** Processes of the first version, which do not name their folder, report every 2 s. */
const LATE_AFTER_OF_FIRST_VERSION_MS = 2_500
/** What a server or a network that was frozen has queued, it carries out within this time. */
export const QUEUE_MS = 300
/**
 * A process that still reported this long after another one had begun on a folder of the same id has a folder of its own: one is
 * a copy of the other, as when a machine is cloned. A folder itself is locked, and its processes follow each other.
 */
const COPY_AFTER_MS = 1_500

/** What a process with a spool said last. Times by `performance.now()` of this process. */
export interface Receiver {
  /** The id of its data folder, or its own if it does not say. */
  readonly folder: string
  /** When its first heartbeat that was read was written. */
  readonly firstAtMs: number
  /** When that says that it was sent, by the clock of its process. */
  readonly firstSentMs: number | undefined
  /** Since when the latest heartbeat may have been on its way, if it is the first one. */
  readonly maybeAtMs: number
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
  /** When the latest heartbeat was sent that surely tells so. */
  readonly surelyAtMs: number
  /** What was written before may have been sent long ago. */
  readonly sureFromMs: number
  readonly clock: SentClock
}

/** What is known of a process before one of its heartbeats is read. */
interface Known {
  /** What itself said last. */
  readonly own: Receiver | undefined
  /** The same, or what the process before it on its folder said last. */
  readonly before: Receiver | undefined
}

interface Times {
  readonly writtenAtMs: number
  /** The same, if the answer in which it came took no time. */
  readonly latestAtMs: number
  /** Since when it may have been sent, if it is the first of its process that is read; Infinity if it cannot be late. */
  readonly unseenSinceMs: number
}

/** Returns what is known of a process after one of its heartbeats. */
export function receiverAfter(
  report: Report,
  folder: string,
  { own, before }: Known,
  { writtenAtMs, latestAtMs, unseenSinceMs }: Times,
): Receiver {
  const isDated = own !== undefined && report.sentMs !== undefined
  const clock = own?.clock ?? new SentClock()
  const sentAtMs = report.sentMs === undefined ? writtenAtMs : clock.sentAtMs(report.sentMs, latestAtMs)
  const lateAfterMs = report.dataFolder === undefined ? LATE_AFTER_OF_FIRST_VERSION_MS : LATE_AFTER_MS
  const isLate = !isDated && before?.isStopping === false && writtenAtMs - before.writtenAtMs > lateAfterMs
  const sureFromMs = isLate ? writtenAtMs + QUEUE_MS : (before?.sureFromMs ?? -Infinity)
  const isFirst = report.sentMs !== undefined && (own === undefined || report.sentMs === own.firstSentMs)
  const maybeAtMs = isFirst ? (own?.maybeAtMs ?? unseenSinceMs) : Infinity
  const surelyAtMs = Math.max(writtenAtMs - MEMORY_MS, Math.min(sentAtMs, writtenAtMs, maybeAtMs))
  return {
    folder,
    firstAtMs: own?.firstAtMs ?? writtenAtMs,
    firstSentMs: own === undefined ? report.sentMs : own.firstSentMs,
    maybeAtMs,
    writtenAtMs,
    recalls: report.recalls,
    oldestAtMs: surelyAtMs - report.spoolAgeMs,
    isReady: report.isReady,
    isStopping: report.isStopping,
    saysGoodbye: report.dataFolder !== undefined,
    surelyAtMs: writtenAtMs >= sureFromMs ? surelyAtMs : (before?.surelyAtMs ?? surelyAtMs),
    sureFromMs,
    clock,
  }
}

/** Leaves out those that had stopped reporting when another one began on their folder, or whose report was late. */
export function withoutPredecessors(receivers: readonly Receiver[]): readonly Receiver[] {
  const latestAtMs = new Map<string, number>()
  for (const { folder, writtenAtMs } of receivers)
    latestAtMs.set(folder, Math.max(writtenAtMs, latestAtMs.get(folder) ?? -Infinity))
  // A single one, followed by those of another process, may have been sent by one that had ended before that had begun.
  const known = receivers.filter(
    ({ folder, firstAtMs, writtenAtMs }) =>
      writtenAtMs - firstAtMs > QUEUE_MS || writtenAtMs >= (latestAtMs.get(folder) ?? -Infinity),
  )
  const latest = new Map<string, Receiver>()
  for (const receiver of known)
    if (receiver.firstAtMs > (latest.get(receiver.folder)?.firstAtMs ?? -Infinity))
      latest.set(receiver.folder, receiver)
  return known.filter((receiver) => {
    const last = latest.get(receiver.folder) ?? receiver
    return receiver === last || receiver.surelyAtMs - last.firstAtMs > COPY_AFTER_MS
  })
}
