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
  'feed' in room ? 'feed' : room.topic === undefined ? room.group : `${room.group}/${room.topic}`

/** Every message of every call, in the order in which they were sent. */
export function recallsOf(history: readonly Entry[]): readonly Recall[] {
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

/** Until when everything recalled in a group was dismissed with it, in ms since 1970: perhaps, and for sure. */
export function dismissalOf(history: readonly Entry[], group: string): { maybeMs: number; surelyMs: number } {
  let [maybeMs, surelyMs] = [-Infinity, -Infinity]
  for (const entry of history) {
    if ((entry.kind !== 'dismissed' && entry.kind !== 'dismissal answered') || entry.group !== group) continue
    maybeMs = Math.max(maybeMs, entry.dismissedAtMs)
    if (entry.kind === 'dismissal answered' && entry.isOk === true)
      surelyMs = Math.max(surelyMs, entry.dismissedAtMs)
  }
  return { maybeMs, surelyMs }
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
