import { isRecord } from '../../../shared/json.ts'
import { isReadableVersion } from '../../../shared/version.ts'
import type { Heartbeat } from '../../broker/broker.ts'
import type { Cause } from './rules.ts'
import { SentClock } from './sent-clock.ts'

/** Receivers report every second. After this long, one may be cut off from the broker, and keep recalls on its disk. */
const VANISHED_AFTER_MS = 2_600
/**
 * A heartbeat grows older for this long after it was asked for, which is until the answer to the next read: one that fails does not
 * show that a receiver has vanished.
 */
const READ_LIFETIME_MS = 1_300
/** After this long without a read, a recall may be waiting on a disk that none of the heartbeats read so far tells of. */
const UNREAD_AFTER_MS = 2_600
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
 * The first heartbeat of a process does not show how late it comes. One that comes this long after the process before it, on the
 * same folder, is no sign of life; the next one, `QUEUE_MS` later, is.
 */
const LATE_AFTER_MS = 1_500
/** Processes of the first version, which do not name their folder, report every 2 s. */
const LATE_AFTER_OF_FIRST_VERSION_MS = 2_500
/** What a server or a network that was frozen has queued, it carries out within this time. */
const QUEUE_MS = 300
/**
 * A process that still reported this long after another one had begun on a folder of the same id has a folder of its own: one is
 * a copy of the other, as when a machine is cloned. A folder itself is locked, and its processes follow each other.
 */
const COPY_AFTER_MS = 1_500
/** After a time in which nothing could be heard, those that were silent for as long have this long to report. */
const RETURN_MS = 10_000
/** A forged or very strange set of heartbeats must not fill the memory. */
const MAX_RECEIVERS = 1_000
/** Nor make a doubt so old that a client cannot say since when. */
const MAX_SPOOL_AGE_MS = 30 * 86_400_000

/** What a process with a spool said last. Times by `performance.now()` of this process. */
interface Receiver {
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

/**
 * What this node knows of the disks of receivers, from their heartbeats: a recall that was answered with OK can wait there, and
 * no log knows of it. Remembers receivers that vanished until another process has taken over their data folder.
 */
export class Receivers {
  readonly #byId = new Map<string, Receiver>()
  /** Those that count: without those of which another process has the folder now. */
  #current: readonly Receiver[] = []
  #readAtMs: number
  #reportAfterMs = -Infinity
  /** Since when a process of a version that this one cannot read has reported. */
  #laterSinceMs: number | undefined
  /** When the first read succeeded after others had failed. */
  #resumedAtMs = -Infinity

  /** `nowMs`: since when heartbeats can be read. */
  constructor(nowMs: number) {
    this.#readAtMs = nowMs
  }

  /** To be called with all heartbeats. `nowMs`: when they were asked for; `answeredAtMs`: when they came. */
  read(heartbeats: readonly Heartbeat[], nowMs: number, answeredAtMs = nowMs): void {
    if (nowMs - this.#readAtMs > UNREAD_AFTER_MS) this.#resumedAtMs = nowMs
    // Since then it may have been sent, if it is the first of its process that is read, and nothing could be read meanwhile.
    const unseenSinceMs = nowMs - this.#readAtMs > LATE_AFTER_MS ? this.#readAtMs : Infinity
    this.#readAtMs = nowMs
    let hasLater = false
    for (const { id, ageMs, text } of heartbeats) {
      const report = parse(text)
      if (report === 'later') hasLater = true
      if (report === undefined || report === 'later') continue
      const folder = report.dataFolder ?? id
      const own = this.#byId.get(id)
      if (own === undefined && this.#byId.size >= MAX_RECEIVERS) continue
      const writtenAtMs = nowMs - ageMs
      if (own !== undefined && own.writtenAtMs > writtenAtMs) continue
      const known = own ?? this.#predecessor(folder, writtenAtMs)
      const isDated = own !== undefined && report.sentMs !== undefined
      const clock = own?.clock ?? new SentClock()
      const sentAtMs =
        report.sentMs === undefined ? writtenAtMs : clock.sentAtMs(report.sentMs, answeredAtMs - ageMs)
      const lateAfterMs = report.dataFolder === undefined ? LATE_AFTER_OF_FIRST_VERSION_MS : LATE_AFTER_MS
      const isLate = !isDated && known?.isStopping === false && writtenAtMs - known.writtenAtMs > lateAfterMs
      const sureFromMs = isLate ? writtenAtMs + QUEUE_MS : (known?.sureFromMs ?? -Infinity)
      const isFirst = report.sentMs !== undefined && (own === undefined || report.sentMs === own.firstSentMs)
      const maybeAtMs = isFirst ? (own?.maybeAtMs ?? unseenSinceMs) : Infinity
      const surelyAtMs = Math.max(writtenAtMs - MEMORY_MS, Math.min(sentAtMs, writtenAtMs, maybeAtMs))
      this.#byId.set(id, {
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
        surelyAtMs: writtenAtMs >= sureFromMs ? surelyAtMs : (known?.surelyAtMs ?? surelyAtMs),
        sureFromMs,
        clock,
      })
    }
    this.#laterSinceMs = hasLater ? (this.#laterSinceMs ?? nowMs) : undefined
    if (nowMs - this.#resumedAtMs > RETURN_MS)
      for (const [id, { writtenAtMs }] of this.#byId)
        if (nowMs - writtenAtMs > MEMORY_MS) this.#byId.delete(id)
    this.#current = withoutPredecessors([...this.#byId.values()])
  }

  /** Whose folder a process may have taken over that was not known before. */
  #predecessor(folder: string, beforeMs: number): Receiver | undefined {
    return this.#current.find((known) => known.folder === folder && known.writtenAtMs < beforeMs)
  }

  /** The node can hear again: each receiver must report anew before its disk counts as empty. */
  interrupted(nowMs: number): void {
    this.#reportAfterMs = nowMs + QUEUE_MS
  }

  /** Nothing was known before, and the first read has failed: that does not have to last to be a reason for a doubt. */
  firstReadFailed(nowMs: number): void {
    this.#readAtMs = nowMs - UNREAD_AFTER_MS - 1
  }

  /** When the latest read that succeeded was asked for. */
  get readAtMs(): number {
    return this.#readAtMs
  }

  /** Whether another read may prevent a doubt, or has to confirm it. */
  isUncertain(nowMs: number): boolean {
    const isSoon = (sinceMs: number): boolean =>
      nowMs - sinceMs > UNCERTAIN_FROM_MS && nowMs - sinceMs < UNCERTAIN_UNTIL_MS
    return this.#current.some(
      ({ surelyAtMs, recalls, oldestAtMs, isStopping }) =>
        (recalls > 0 && isSoon(oldestAtMs)) || (!isStopping && isSoon(surelyAtMs)),
    )
  }

  /** Returns why recalls may be waiting, if they may. */
  causes(nowMs: number): readonly Cause[] {
    const asOfMs = Math.min(nowMs, this.#readAtMs + READ_LIFETIME_MS)
    const isReturning = nowMs - this.#reportAfterMs < RETURN_MS
    const waiting: Cause[] = []
    const vanished: Cause[] = []
    const silent: Cause[] = []
    for (const receiver of this.#current) {
      const { writtenAtMs, surelyAtMs, sureFromMs, recalls, oldestAtMs } = receiver
      const { isReady, isStopping, saysGoodbye } = receiver
      if (nowMs - writtenAtMs > MEMORY_MS && !isReturning) continue
      const isMissed = saysGoodbye && (!isReady || nowMs - writtenAtMs < WELL_MEMORY_MS)
      const isVanished = asOfMs - surelyAtMs > VANISHED_AFTER_MS
      if (recalls > 0) waiting.push({ sinceMs: oldestAtMs, reason: isVanished ? RECALLS_GONE : RECALLS_WAIT })
      else if (isStopping) continue
      else if (isVanished && isMissed) vanished.push({ sinceMs: surelyAtMs, reason: VANISHED })
      else if (isVanished && !isReturning) continue
      // Never a reason for a doubt, but one to stay in doubt.
      else if (writtenAtMs < sureFromMs || surelyAtMs < this.#reportAfterMs)
        silent.push({ sinceMs: nowMs, reason: NOT_REPORTED })
    }
    const isUnread = nowMs - this.#readAtMs > UNREAD_AFTER_MS
    const unread = isUnread ? [{ sinceMs: this.#readAtMs, reason: NOT_READ }] : []
    const later = this.#laterSinceMs === undefined ? [] : [{ sinceMs: this.#laterSinceMs, reason: LATER }]
    return [...waiting, ...vanished, ...unread, ...later, ...silent]
  }
}

/** Leaves out those that had stopped reporting when another one began on their folder. */
function withoutPredecessors(receivers: readonly Receiver[]): readonly Receiver[] {
  const latest = new Map<string, Receiver>()
  for (const receiver of receivers)
    if (receiver.firstAtMs > (latest.get(receiver.folder)?.firstAtMs ?? -Infinity))
      latest.set(receiver.folder, receiver)
  return receivers.filter((receiver) => {
    const last = latest.get(receiver.folder) ?? receiver
    return receiver === last || receiver.surelyAtMs - last.firstAtMs > COPY_AFTER_MS
  })
}

const RECALLS_WAIT = 'recalls are waiting on the disk of a receiver'
const RECALLS_GONE = 'recalls are waiting on the disk of a receiver that is gone or cut off'
const VANISHED = 'a receiver is gone or cut off, and recalls may be waiting on its disk'
const NOT_READ = 'what receivers report of their disks cannot be read'
const LATER = 'a receiver is of a version whose reports this node cannot read: update this node'
const NOT_REPORTED = 'it is not known yet whether recalls are waiting on the disk of a receiver'

interface Report {
  readonly dataFolder: string | undefined
  readonly sentMs: number | undefined
  readonly recalls: number
  readonly spoolAgeMs: number
  readonly isReady: boolean
  readonly isStopping: boolean
}

/**
 * Reads what a heartbeat says of a disk; undefined if the process has none. Tolerant: other versions say more, or less; what
 * those say that are newer by two may mean anything.
 */
function parse(text: string): Report | 'later' | undefined {
  try {
    const state: unknown = JSON.parse(text)
    if (!isRecord(state)) return undefined
    if (!isReadableVersion(state['v'])) return 'later'
    if (!isRecord(state['spool'])) return undefined
    const { recalls, ageMs } = state['spool']
    if (typeof recalls !== 'number' || typeof ageMs !== 'number') return undefined
    const { dataFolder, sentMs, ready, stopping } = state
    return {
      dataFolder: typeof dataFolder === 'string' ? dataFolder : undefined,
      sentMs: Number.isSafeInteger(sentMs) ? Number(sentMs) : undefined,
      recalls,
      spoolAgeMs: Math.min(Math.max(0, ageMs), MAX_SPOOL_AGE_MS),
      isReady: ready === true,
      isStopping: stopping === true,
    }
  } catch {
    return undefined
  }
}
