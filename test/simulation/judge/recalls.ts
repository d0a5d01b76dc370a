import type { Room } from '../../../shared/room.ts'
import type { Entry } from '../history.ts'

export interface Conversation {
  readonly group: string
  readonly topic?: string
}

/** A message that the provider said was recalled, and what became of the call. */
export interface Recall extends Conversation {
  /** Of the message. */
  readonly key: string
  readonly seq: number
  /** When it was recalled, in ms since 1970; undefined if the call did not say. */
  readonly recalledAtMs: number | undefined
  readonly sentAtMs: number
  /** When the call was answered OK; undefined if it was not. */
  readonly keptAtMs: number | undefined
}

export const keyOf = ({ group, topic }: Conversation, seq: number): string =>
  `${seq} of ${group}${topic === undefined ? '' : `/${topic}`}`

/** Whether notices of a conversation reach a room. */
export const includes = (room: Room, { group, topic }: Conversation): boolean =>
  'feed' in room || (room.group === group && (room.topic === undefined || room.topic === topic))

export const nameOf = (room: Room): string =>
  'feed' in room ? 'feed' : room.topic === undefined ? `${room.group}` : `${room.group}/${room.topic}`

const known = new WeakMap<readonly Entry[], readonly Recall[]>()

/** Every message of every call, in the order in which they were sent. */
export function recallsOf(history: readonly Entry[]): readonly Recall[] {
  const recalls = known.get(history) ?? readRecalls(history)
  known.set(history, recalls)
  return recalls
}

function readRecalls(history: readonly Entry[]): readonly Recall[] {
  const keptAtMs = new Map(
    history.flatMap((entry) =>
      entry.kind === 'answered' && entry.isOk ? [[entry.id, entry.atMs] as const] : [],
    ),
  )
  return history.flatMap((entry) =>
    entry.kind === 'sent'
      ? entry.seqs.map((seq) => ({
          group: entry.group,
          ...(entry.topic !== undefined && { topic: entry.topic }),
          key: keyOf(entry, seq),
          seq,
          recalledAtMs: entry.isUntimed ? undefined : entry.recalledAtMs,
          sentAtMs: entry.atMs,
          keptAtMs: keptAtMs.get(entry.id),
        }))
      : [],
  )
}

/** Until when everything recalled in a group was dismissed with it, in ms since 1970. */
export interface Dismissal {
  /** When it was said first, in the time of the run. */
  readonly fromMs: number
  /** Perhaps. */
  maybeMs: number
  /** The gateway has said so. */
  surelyMs: number
}

/** Of each group that was dismissed. */
export function dismissalsOf(history: readonly Entry[]): ReadonlyMap<string, Dismissal> {
  const dismissals = new Map<string, Dismissal>()
  for (const entry of history) {
    if (entry.kind !== 'dismissed' && entry.kind !== 'dismissal answered') continue
    const { group, dismissedAtMs } = entry
    const dismissal = dismissals.get(group) ?? { fromMs: entry.atMs, maybeMs: -Infinity, surelyMs: -Infinity }
    dismissals.set(group, dismissal)
    dismissal.maybeMs = Math.max(dismissal.maybeMs, dismissedAtMs)
    if (entry.kind === 'dismissal answered' && entry.isOk === true)
      dismissal.surelyMs = Math.max(dismissal.surelyMs, dismissedAtMs)
  }
  return dismissals
}

/** As Map.groupBy. */
export function grouped<Key, Value>(values: readonly Value[], by: (value: Value) => Key): Map<Key, Value[]> {
  const groups = new Map<Key, Value[]>()
  for (const value of values) {
    const key = by(value)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [value])
    else group.push(value)
  }
  return groups
}
