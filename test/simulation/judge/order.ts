import type { Entry, EntryOf } from '../history.ts'
import { dismissalsOf, grouped, includes, keyOf, nameOf, recallsOf } from './recalls.ts'
import type { Losses } from './losses.ts'
import type { Violation } from './violation.ts'

/** What listeners are told is what the provider said, in the room that it belongs to, and at the same offset for all of them. */
export function judgeOrder(losses: Losses, history: readonly Entry[]): Violation[] {
  const told = history.filter((entry) => entry.kind === 'told')
  return [...told.flatMap(judgeRoom), ...judgeTruth(told, history), ...judgeOffsets(told, losses, history)]
}

const judgeRoom = ({ atMs, listener, room, ...notice }: EntryOf<'told'>): Violation[] =>
  includes(room, notice)
    ? []
    : [{ rule: 'right room', atMs, what: `${listener} is told of ${notice.group}/${notice.topic ?? ''}` }]

function judgeTruth(told: readonly EntryOf<'told'>[], history: readonly Entry[]): Violation[] {
  const sent = grouped(recallsOf(history), ({ key }) => key)
  return told.flatMap((notice) =>
    notice.seqs.flatMap((seq) => {
      const key = keyOf(notice, seq)
      const calls = (sent.get(key) ?? []).filter(({ sentAtMs }) => sentAtMs <= notice.atMs)
      const { atMs, listener, recalledAtMs } = notice
      if (calls.length === 0)
        return [{ rule: 'true', atMs, what: `${listener} is told message ${key}, which nobody recalled` }]
      if (calls.some((call) => call.recalledAtMs === undefined || call.recalledAtMs === recalledAtMs))
        return []
      const what = `${listener} is told that message ${key} was recalled at ${recalledAtMs}, and not ${calls.map((call) => call.recalledAtMs).join(', ')}`
      return [{ rule: 'true', atMs, what }]
    }),
  )
}

/** Offsets are compared while the room has its first log: one that was lost, or ended with its group, begins anew. */
function judgeOffsets(
  told: readonly EntryOf<'told'>[],
  losses: Losses,
  history: readonly Entry[],
): Violation[] {
  const dismissals = dismissalsOf(history)
  const isFirstLog = ({ room, atMs }: EntryOf<'told'>): boolean =>
    !losses.mayHaveLostBy(atMs) &&
    ('feed' in room || !((dismissals.get(room.group ?? '')?.fromMs ?? Infinity) <= atMs))
  const first = new Map<string, EntryOf<'told'>>()
  return told.flatMap((notice) => {
    if (!isFirstLog(notice)) return []
    const room = nameOf(notice.room)
    const place = `${room} ${notice.offset}`
    const other = first.get(place)
    if (other === undefined) first.set(place, notice)
    if (other === undefined || textOf(other) === textOf(notice)) return []
    const what = `notice ${notice.offset} of ${room} is ${textOf(other)} for ${other.listener}, and ${textOf(notice)} for ${notice.listener}`
    return [{ rule: 'order', atMs: notice.atMs, what }]
  })
}

const textOf = (notice: EntryOf<'told'>): string => notice.seqs.map((seq) => keyOf(notice, seq)).join(', ')
