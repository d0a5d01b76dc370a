import type { GapReason, Position } from '../../shared/position.ts'
import { isFeed } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import type { ListenerRecord, ReceivedEvent, SentRecall } from './recorder.ts'

/** The outcome of all recalls, summed over all listeners. */
export interface Figures {
  /** Recalls that were posted. */
  readonly sent: number
  /** Recalls whose response was 200. These must arrive. */
  readonly acknowledged: number
  /** Recalls that arrived, counted once per listener. */
  readonly delivered: number
  /** Acknowledged recalls that a listener of their room did not receive. A gap is no excuse. */
  readonly lost: number
  /** Recalls that a listener received twice without a gap in between. */
  readonly duplicated: number
  /** Recalls that a listener received again after a gap: those that Redis had lost are published again. */
  readonly redelivered: number
  /** Notices, and responses to `subscribe`, that do not follow from the position before them. */
  readonly outOfOrder: number
  readonly gaps: number
  /** Reasons of the gaps, without repetition. */
  readonly gapReasons: readonly GapReason[]
  /** The longest time between two notices of one listener. */
  readonly longestSilenceMs: number
  /** The longest time to the response to an acknowledged recall. The provider waits 2 s. */
  readonly slowestResponseMs: number
}

type ListenerFigures = Omit<Figures, 'sent' | 'acknowledged' | 'gapReasons' | 'slowestResponseMs'> & {
  readonly receivedGaps: readonly GapReason[]
}

/** Compares the received events with the acknowledged recalls. Pure. */
export function audit(recalls: readonly SentRecall[], listeners: readonly ListenerRecord[]): Figures {
  const acknowledged = recalls.filter(({ status }) => status === 200)
  const audited = listeners.map((listener) => auditListener(acknowledged, listener))
  const sum = (figure: Exclude<keyof ListenerFigures, 'receivedGaps'>): number =>
    audited.reduce((total, one) => total + one[figure], 0)
  return {
    sent: recalls.length,
    acknowledged: acknowledged.length,
    delivered: sum('delivered'),
    lost: sum('lost'),
    duplicated: sum('duplicated'),
    redelivered: sum('redelivered'),
    outOfOrder: sum('outOfOrder'),
    gaps: sum('gaps'),
    gapReasons: [...new Set(audited.flatMap(({ receivedGaps }) => receivedGaps))],
    longestSilenceMs: Math.round(
      audited.reduce((longest, one) => Math.max(longest, one.longestSilenceMs), 0),
    ),
    slowestResponseMs: Math.round(acknowledged.reduce((longest, one) => Math.max(longest, tookMs(one)), 0)),
  }
}

function auditListener(
  acknowledged: readonly SentRecall[],
  { room, events }: ListenerRecord,
): ListenerFigures {
  const { arrived, receivedGaps, ...figures } = follow(events)
  const first = events.find(({ kind }) => kind === 'subscribed')
  // A recall sent before the response to the first subscribe may or may not be part of that response.
  const expected = acknowledged.filter(
    ({ group, sentAtMs }) => includesGroup(room, group) && first && sentAtMs > first.atMs,
  )
  return {
    ...figures,
    receivedGaps,
    delivered: arrived.size,
    lost: expected.filter(({ seq }) => !arrived.has(seq)).length,
    gaps: receivedGaps.length,
  }
}

const tookMs = ({ sentAtMs, respondedAtMs = sentAtMs }: SentRecall): number => respondedAtMs - sentAtMs

/** Follows one listener from position to position. */
function follow(events: readonly ReceivedEvent[]) {
  /** Each seq that arrived, with the number of gaps received before it. */
  const arrived = new Map<number, number>()
  const receivedGaps: GapReason[] = []
  let at: Position | undefined
  let [duplicated, redelivered, outOfOrder] = [0, 0, 0]
  let [lastNoticeAtMs, longestSilenceMs] = [-Infinity, 0]

  const addSeq = (seq: number): void => {
    const gapsBefore = arrived.get(seq)
    if (gapsBefore === receivedGaps.length) duplicated++
    else if (gapsBefore !== undefined) redelivered++
    arrived.set(seq, receivedGaps.length)
  }
  for (const event of events) {
    const { position, atMs } = event
    if (event.kind !== 'notice' && event.gap !== undefined) {
      receivedGaps.push(event.gap)
      at = position
    } else if (event.kind === 'subscribed') {
      if (at !== undefined && !isAfter(position, at, event.recovered)) outOfOrder++
      // The recovered notices arrive after this response.
      at ??= position
    } else if (event.kind === 'notice') {
      if (at === undefined || !isAfter(position, at, 1)) outOfOrder++
      at = position
      event.seqs.forEach(addSeq)
      if (lastNoticeAtMs > 0) longestSilenceMs = Math.max(longestSilenceMs, atMs - lastNoticeAtMs)
      lastNoticeAtMs = atMs
    }
  }
  return { arrived, receivedGaps, duplicated, redelivered, outOfOrder, longestSilenceMs }
}

const isAfter = (position: Position, before: Position, notices: number): boolean =>
  position.epoch === before.epoch && position.offset === before.offset + notices

const includesGroup = (room: Room, group: string): boolean => isFeed(room) || room.group === group
