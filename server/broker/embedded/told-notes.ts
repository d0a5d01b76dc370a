import { parseRecord } from '../../../shared/json.ts'
import { saysMore } from '../told.ts'
import type { Told } from '../told.ts'
import type { Announcements } from './announcements.ts'

export interface ToldNotes {
  /** Keeps a note unless an earlier one of the same notice is there. Only inside a transaction. */
  put(room: string, offset: number, note: Told): void
  /** Returns, by offset, the notes from one offset to another. */
  from(room: string, first: number, last: number): ReadonlyMap<number, Told>
  /** Only inside a transaction. */
  remove(room: string, offset: number): void
  /** Removes what the last release left behind, which trims logs without their notes. Only inside a transaction. */
  removeBefore(room: string, offset: number): void
}

/** Of a room in a transaction, which blocks the process. */
const MAX_REMOVED = 1_000

/**
 * When notices were told, beside their logs. Like records, the notes are in the database of announcements: a version that does not know a
 * database takes the whole store for damaged.
 */
export function createToldNotes({ database }: Pick<Announcements, 'database'>): ToldNotes {
  /** Without `EVIDENCE_KEY` there are none, and they cost nothing. Undefined until somebody asks. */
  let areThere: boolean | undefined
  const haveSome = (): boolean =>
    (areThere ??= database.keys({ start: [PREFIX, 0], end: [BEHIND_PREFIX, 0], limit: 1 }).length > 0)

  return {
    put(room, offset, note) {
      const key: [string, number] = [nameOf(room), offset]
      const known = database.get(key)
      if (!saysMore(note, known && parseNote(known))) return
      areThere = true
      const { atMs, receivedAtMs, node } = note
      database.putSync(key, { atMs, text: JSON.stringify({ receivedAtMs, node }) })
    },

    from(room, first, last) {
      const name = nameOf(room)
      const records = database.records({ start: [name, first], end: [name, last + 1] })
      const found = new Map<number, Told>()
      for (const { key, value } of records) {
        const note = parseNote(value)
        if (note !== undefined) found.set(key[1], note)
      }
      return found
    },

    remove(room, offset) {
      if (haveSome()) database.removeSync([nameOf(room), offset])
    },

    removeBefore(room, offset) {
      if (!haveSome()) return
      const name = nameOf(room)
      const keys = database.keys({ start: [name, 0], end: [name, offset], limit: MAX_REMOVED })
      for (const key of keys) database.removeSync(key)
    },
  }
}

const PREFIX = 'told:'
/** The colon is followed by the semicolon. */
const BEHIND_PREFIX = 'told;'

const nameOf = (room: string): string => PREFIX + room

function parseNote({ text, atMs }: { readonly text: string; readonly atMs: number }): Told | undefined {
  const { receivedAtMs, node } = parseRecord(text) ?? {}
  return typeof receivedAtMs === 'number' && typeof node === 'string'
    ? { atMs, receivedAtMs, node }
    : undefined
}
