import type { Room } from '../../../shared/room.ts'
import type { Entry, EntryOf } from '../history.ts'
import { nameOf } from './recalls.ts'

type ListenerEntry = EntryOf<
  'followed' | 'left' | 'told' | 'handled' | 'skipped' | 'gap' | 'gap handled' | 'state' | 'killed' | 'closed'
>

/**
 * What a listener goes through from where it begins, over the lives of its page, for as long as each of them goes on where the
 * one before was.
 */
export interface Stretch {
  readonly listener: string
  readonly user: string
  readonly room: Room
  readonly entries: ListenerEntry[]
  /** What is sent from then on is for this listener, in ms. Undefined before it was live. */
  beginMs: number | undefined
  /** It follows the room. */
  isOpen: boolean
}

export function stretchesOf(history: readonly Entry[]): readonly Stretch[] {
  const all: Stretch[] = []
  const latest = new Map<string, Stretch>()
  const stored = new Set<string>()
  const roomOf = (user: string, room: Room): string => `${user} ${nameOf(room)}`

  function follow(entry: EntryOf<'followed'>): void {
    const { listener, user, room, life, from } = entry
    const before = latest.get(listener)
    const isShared = [...latest.values()].some(
      (other) => other.isOpen && other !== before && roomOf(other.user, other.room) === roomOf(user, room),
    )
    const isSameLife = before?.entries.findLast((one) => 'life' in one)?.life === life
    const isKept = isSameLife ? !isShared : stored.has(roomOf(user, room))
    if (before && (from === 'kept' || (isKept && from === 'stored'))) {
      before.isOpen = true
      before.entries.push(entry)
      return
    }
    const next: Stretch = { listener, user, room, entries: [entry], beginMs: undefined, isOpen: true }
    latest.set(listener, next)
    all.push(next)
  }

  for (const entry of history) {
    if (entry.kind === 'followed') follow(entry)
    else if (entry.kind === 'stored') stored.add(roomOf(entry.user, entry.room))
    else if (isEnd(entry))
      for (const stretch of latest.values()) {
        if (stretch.user !== entry.user || !stretch.isOpen) continue
        stretch.isOpen = false
        stretch.entries.push(entry)
      }
    else if (isOfListener(entry)) {
      const stretch = latest.get(entry.listener)
      if (!stretch?.isOpen) continue
      stretch.entries.push(entry)
      if (entry.kind === 'left') stretch.isOpen = false
      if (entry.kind === 'state' && entry.state === 'live') stretch.beginMs ??= entry.atMs
      // Who loads has everything.
      if (entry.kind === 'gap handled' && entry.isDone && entry.recalled && loads(stretch))
        stretch.beginMs ??= -Infinity
    }
  }
  return all
}

const isEnd = (entry: Entry): entry is EntryOf<'killed' | 'closed'> =>
  entry.kind === 'killed' || entry.kind === 'closed'

const loads = ({ entries: [first] }: Stretch): boolean => first?.kind === 'followed' && first.from === 'load'

type OfListener = Exclude<ListenerEntry, EntryOf<'followed' | 'killed' | 'closed'>> & { listener: string }

const isOfListener = (entry: Entry): entry is OfListener =>
  'listener' in entry && entry.listener !== undefined && entry.kind !== 'followed'
