import type { Notice } from '../../../shared/notice.ts'
import type { Position } from '../../../shared/position.ts'
import { roomName } from '../../../shared/room.ts'
import type { Broker } from '../broker.ts'
import { toHistoryBefore } from '../log-reading.ts'
import type { Excerpt, LogPart } from '../log-reading.ts'
import { decodeEntry, historySince } from '../history.ts'
import { splitLink } from './linked-text.ts'
import type { LogStore } from './log-store.ts'

/** See `Broker.excerpts`. */
const MAX_EXCERPT_ENTRIES = 100

interface LogReaderDependencies {
  /** Throws if the store is not open. */
  readonly logs: () => LogStore['logs']
  /** Runs this in a transaction. */
  readonly write: <T>(work: () => T) => Promise<T>
}

type LogReader = Pick<Broker, 'history' | 'historyBefore' | 'heads' | 'excerpts' | 'entries'>

/** Reads logs and heads. */
export function createLogReader({ logs, write }: LogReaderDependencies): LogReader {
  /** Returns the head of the log. A room that was never used gets its epoch now. */
  async function headOf(name: string): Promise<Position> {
    const open = logs()
    return open.head(name) ?? (await write(() => open.touch(name)))
  }

  return {
    async history(room, since, limit) {
      const open = logs()
      const name = roomName(room)
      const head = await headOf(name)
      const isKnown = since.epoch === head.epoch && since.offset <= head.offset
      const entries = open.after(name, isKnown ? since.offset : 0, isKnown ? limit : 1)
      // Another log, or a longer one: everything that this one holds may be new.
      if (!isKnown) return historySince(since, head, [], (entries[0]?.offset ?? head.offset + 1) - 1)
      return historySince(since, head, entries.map(decode), head.offset)
    },

    async historyBefore(room, before, limit) {
      const name = roomName(room)
      const head = await headOf(name)
      const entries = logs().before(name, Math.min(before, head.offset + 1), limit)
      return toHistoryBefore(entries.map(decode), entries[0]?.offset, head)
    },

    async heads(rooms) {
      const open = logs()
      return await write(() => rooms.map((room) => open.touch(roomName(room))))
    },

    async entries(room, after, limit) {
      const open = logs()
      const name = roomName(room)
      const known = open.head(name)
      // A rotten position is mended, and is not that of a room that was never used.
      const head = known === undefined && open.has(name) ? await headOf(name) : known
      if (head === undefined) return { entries: [] }
      const entries = open.after(name, after, limit).map(({ offset, text: stored }) => {
        const { text, link } = splitLink(stored)
        return { offset, text, subset: '', notice: decodeEntry(text, offset), link }
      })
      return { entries, head }
    },

    async excerpts(parts) {
      const open = logs()
      const read = async ({ room, first, last }: LogPart): Promise<Excerpt> => {
        const name = roomName(room)
        const head = await headOf(name)
        const count = Math.min(last, head.offset) - first + 1
        const stored = count > 0 ? open.after(name, first - 1, Math.min(count, MAX_EXCERPT_ENTRIES)) : []
        return { head, entries: stored.filter(({ offset }) => offset <= last).map(decode) }
      }
      return await Promise.all(parts.map(read))
    },
  }
}

const decode = ({ text, offset }: { readonly text: string; readonly offset: number }): Notice | null =>
  decodeEntry(text, offset)
