import type { Heartbeat } from '../../broker/broker.ts'
import { LATE_AFTER_MS, MEMORY_MS, QUEUE_MS, receiverAfter, withoutPredecessors } from './receiver.ts'
import type { Receiver } from './receiver.ts'
import { parseReport } from './receiver-report.ts'
import type { Cause } from './rules.ts'

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
/**
 * As `MEMORY_MS`, for one that was well and had nothing on its disk: it was most likely killed, and may not return, but may also be
 * cut off alone and go on answering OK.
 */
const WELL_MEMORY_MS = 120_000
/** After a time in which nothing could be heard, those that were silent for as long have this long to report. */
const RETURN_MS = 10_000
/** Those that are well have done so by then, and are waited for by a node that is in doubt until it has read it. */
const REPORTING_MS = 2_000
/** A forged or very strange set of heartbeats must not fill the memory. */
const MAX_RECEIVERS = 1_000

/**
 * What this node knows of the disks of receivers, from their heartbeats: a recall that was answered with OK can wait there, and
 * no log knows of it. Remembers receivers that vanished until another process has taken over their data folder.
 */
export class Receivers {
  readonly #byId = new Map<string, Receiver>()
  /** Those that count: without those of which another process has the folder now. */
  #current: readonly Receiver[] = []
  #readAtMs: number
  /** The same, but only while the broker accepted heartbeats: what is read then tells of what has happened. */
  #heardAtMs: number
  /** Whether the broker accepts heartbeats of this process. Undefined before the first. */
  #acceptsHeartbeats: boolean | undefined
  #reportAfterMs = -Infinity
  /** Since when a process of a version that this one cannot read has reported. */
  #laterSinceMs: number | undefined
  /** When the first read succeeded after others had failed. */
  #resumedAtMs = -Infinity

  /** `nowMs`: since when heartbeats can be read. */
  constructor(nowMs: number) {
    this.#readAtMs = nowMs
    this.#heardAtMs = nowMs
  }

  /** To be called with all heartbeats. `nowMs`: when they were asked for; `answeredAtMs`: when they came. */
  read(heartbeats: readonly Heartbeat[], nowMs: number, answeredAtMs = nowMs): void {
    if (nowMs - this.#heardAtMs > UNREAD_AFTER_MS) this.#resumedAtMs = nowMs
    // Since then it may have been sent, if it is the first of its process that is read, and nothing could be read meanwhile.
    const unseenSinceMs = nowMs - this.#heardAtMs > LATE_AFTER_MS ? this.#heardAtMs : Infinity
    this.#readAtMs = nowMs
    if (this.#acceptsHeartbeats !== false) this.#heardAtMs = nowMs
    let hasLater = false
    for (const { id, ageMs, text } of heartbeats) {
      const report = text === undefined ? undefined : parseReport(text)
      if (report === 'later') hasLater = true
      if (report === undefined || report === 'later') continue
      const own = this.#byId.get(id)
      if (own === undefined && this.#byId.size >= MAX_RECEIVERS) continue
      const writtenAtMs = nowMs - ageMs
      if (own !== undefined && own.writtenAtMs > writtenAtMs) continue
      const folder = report.dataFolder ?? id
      const before = own ?? this.#predecessor(folder, writtenAtMs)
      const times = { writtenAtMs, latestAtMs: answeredAtMs - ageMs, unseenSinceMs }
      this.#byId.set(id, receiverAfter(report, folder, { own, before }, times))
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

  /** Nothing was known before, and the first read has failed, or means nothing: that does not have to last to be a reason for a doubt. */
  firstReadFailed(nowMs: number): void {
    this.#heardAtMs = nowMs - UNREAD_AFTER_MS - 1
  }

  /** To be called with whether the broker has accepted a heartbeat of this process. */
  heartbeatSent(isAccepted: boolean, nowMs: number): void {
    // Receivers may have been refused for as long as there has been this node.
    if (this.#acceptsHeartbeats === undefined && !isAccepted) this.firstReadFailed(nowMs)
    this.#acceptsHeartbeats = isAccepted
  }

  /** When the latest read that succeeded was asked for. */
  get readAtMs(): number {
    return this.#readAtMs
  }

  /** Whether another read may prevent a doubt, or end it, or has to confirm it. */
  isUncertain(nowMs: number): boolean {
    const reportedForMs = nowMs - this.#reportAfterMs
    const isReporting = reportedForMs > 0 && reportedForMs < REPORTING_MS
    const isSoon = (sinceMs: number): boolean =>
      nowMs - sinceMs > UNCERTAIN_FROM_MS && nowMs - sinceMs < UNCERTAIN_UNTIL_MS
    return this.#current.some(
      ({ surelyAtMs, recalls, oldestAtMs, isStopping }) =>
        (recalls > 0 && isSoon(oldestAtMs)) ||
        (!isStopping && (isSoon(surelyAtMs) || (isReporting && surelyAtMs < this.#reportAfterMs))),
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
    const isUnread = nowMs - this.#heardAtMs > UNREAD_AFTER_MS
    const unread = isUnread ? [{ sinceMs: this.#heardAtMs, reason: NOT_READ }] : []
    const later = this.#laterSinceMs === undefined ? [] : [{ sinceMs: this.#laterSinceMs, reason: LATER }]
    return [...waiting, ...vanished, ...unread, ...later, ...silent]
  }
}

export const RECALLS_WAIT = 'recalls are waiting on the disk of a receiver'
const RECALLS_GONE = 'recalls are waiting on the disk of a receiver that is gone or cut off'
const VANISHED = 'a receiver is gone or cut off, and recalls may be waiting on its disk'
const NOT_READ = 'what receivers report of their disks cannot be read'
const LATER = 'a receiver is of a version whose reports this node cannot read: update this node'
const NOT_REPORTED = 'it is not known yet whether recalls are waiting on the disk of a receiver'
