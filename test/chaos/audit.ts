import type { GapReason, Position } from '../../shared/position.ts'
import { isFeed } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import type { Heard, Listening, SentRecall } from './recorder.ts'

/** What became of the recalls, summed over all listeners. */
export interface Figures {
  /** Recalls that were posted. */
  readonly sent: number
  /** Recalls that were answered 200: these must arrive. */
  readonly kept: number
  /** Recalls that arrived, one for each listener. */
  readonly delivered: number
  /** Kept recalls that a listener of their room did not get and was not told a gap for. */
  readonly lost: number
  /** Kept recalls that a listener did not get, but was told a gap after they were sent. */
  readonly excused: number
  /** Recalls that a listener got again, without a gap in between. */
  readonly duplicated: number
  /**
   * Recalls that a listener got again after a gap. Right when the store lost its recalled set: what waits in a spool
   * and was confirmed by the store that is gone cannot be known as a repeat by the one that follows.
   */
  readonly redelivered: number
  /** Notices, and answers to `subscribe`, that do not follow from the position before. */
  readonly outOfOrder: number
  readonly gaps: number
  /** Why, each reason once. */
  readonly gapReasons: readonly GapReason[]
  /** The longest time between two notices of one listener. */
  readonly longestSilenceMs: number
  /** The longest time until a recall that was kept was answered; the provider waits 2 s. */
  readonly slowestAnswerMs: number
}

/** Longer than a recall that was kept, and not spooled, takes to arrive while nothing is wrong. */
const ON_THE_WAY_MS = 1_000

type Audited = Omit<Figures, 'sent' | 'kept' | 'gapReasons' | 'slowestAnswerMs'> & {
  readonly excuses: readonly Excuse[]
}

/** Holds what was heard against what was kept. Pure. */
export function audit(recalls: readonly SentRecall[], listening: readonly Listening[]): Figures {
  const kept = recalls.filter(({ status }) => status === 200)
  const audited = listening.map((listener) => auditOne(kept, listener))
  const sum = (figure: Exclude<keyof Audited, 'excuses'>): number =>
    audited.reduce((total, one) => total + one[figure], 0)
  return {
    sent: recalls.length,
    kept: kept.length,
    delivered: sum('delivered'),
    lost: sum('lost'),
    excused: sum('excused'),
    duplicated: sum('duplicated'),
    redelivered: sum('redelivered'),
    outOfOrder: sum('outOfOrder'),
    gaps: sum('gaps'),
    gapReasons: [...new Set(audited.flatMap(({ excuses }) => excuses.map(({ reason }) => reason)))],
    longestSilenceMs: Math.round(audited.reduce((most, one) => Math.max(most, one.longestSilenceMs), 0)),
    slowestAnswerMs: Math.round(kept.reduce((most, one) => Math.max(most, tookMs(one)), 0)),
  }
}

function auditOne(kept: readonly SentRecall[], { room, heard }: Listening): Audited {
  const { arrived, excuses, ...told } = follow(heard)
  const first = heard.find(({ kind }) => kind === 'subscribed')
  // What was sent before the first subscribe was answered may or may not be part of it.
  const owed = kept.filter(({ group, sentAtMs }) => hears(room, group) && first && sentAtMs > first.atMs)
  const missing = owed.filter(({ seq }) => !arrived.has(seq))
  const excused = missing.filter((recall) => excuses.some((excuse) => covers(excuse, recall))).length
  const lost = missing.length - excused
  return { ...told, excuses, delivered: arrived.size, excused, lost, gaps: excuses.length }
}

const tookMs = ({ sentAtMs, answeredAtMs = sentAtMs }: SentRecall): number => answeredAtMs - sentAtMs

/** A gap, and when the listener heard the last notice before it. */
interface Excuse {
  readonly lastNoticeAtMs: number
  readonly toldAtMs: number
  readonly reason: GapReason
}

/** What was answered long before a notice that did arrive is not missing because of the gap after that notice. */
const covers = ({ lastNoticeAtMs, toldAtMs }: Excuse, { sentAtMs, answeredAtMs = 0 }: SentRecall): boolean =>
  sentAtMs <= toldAtMs && answeredAtMs > lastNoticeAtMs - ON_THE_WAY_MS

/** Walks through what one listener heard, from position to position. */
function follow(heard: readonly Heard[]) {
  /** Each seq that came, with the number of gaps told before it. */
  const arrived = new Map<number, number>()
  const excuses: Excuse[] = []
  let at: Position | undefined
  let [duplicated, redelivered, outOfOrder] = [0, 0, 0]
  let [lastNoticeAtMs, longestSilenceMs] = [-Infinity, 0]

  const takeSeq = (seq: number): void => {
    const gapsBefore = arrived.get(seq)
    if (gapsBefore === excuses.length) duplicated++
    else if (gapsBefore !== undefined) redelivered++
    arrived.set(seq, excuses.length)
  }
  for (const entry of heard) {
    const { position, atMs } = entry
    if (entry.kind !== 'notice' && entry.gap !== undefined) {
      excuses.push({ lastNoticeAtMs, toldAtMs: atMs, reason: entry.gap })
      at = position
    } else if (entry.kind === 'subscribed') {
      if (at !== undefined && !isAfter(position, at, entry.recovered)) outOfOrder++
      // What was recovered is still to come.
      at ??= position
    } else if (entry.kind === 'notice') {
      if (at === undefined || !isAfter(position, at, 1)) outOfOrder++
      at = position
      entry.seqs.forEach(takeSeq)
      if (lastNoticeAtMs > 0) longestSilenceMs = Math.max(longestSilenceMs, atMs - lastNoticeAtMs)
      lastNoticeAtMs = atMs
    }
  }
  return { arrived, excuses, duplicated, redelivered, outOfOrder, longestSilenceMs }
}

const isAfter = (position: Position, before: Position, notices: number): boolean =>
  position.epoch === before.epoch && position.offset === before.offset + notices

const hears = (room: Room, group: string): boolean => isFeed(room) || room.group === group
