import type { Notice } from '../../../shared/notice.ts'
import { roomName, roomsOf } from '../../../shared/room.ts'
import { decodeEntry } from '../entry.ts'
import type { Seal } from './seal.ts'

/** Reads an entry of the log of a room, named as in `roomName`; null for one that no gateway wrote there. */
export type ReadEntry = (entry: string, offset: number, room: string) => Notice | null

/** Trusts nothing that stands in Redis: who signed it, what it is, and whether it belongs where it stands. */
export function createReadEntry(seal: Seal): ReadEntry {
  return (entry, offset, room) => {
    const opened = seal.open(entry)
    const notice = opened && decodeEntry(opened.text, offset)
    if (notice === null || !roomsOf(notice).some((one) => isNamed(one, room))) return null
    return opened?.note ? onlyNew(notice, opened.note) : notice
  }
}

function isNamed(room: Parameters<typeof roomName>[0], name: string): boolean {
  try {
    return roomName(room) === name
  } catch {
    return false
  }
}

/** Without the messages that were known already when it was published: `note` numbers the others, from 0. */
function onlyNew(notice: Notice, note: string): Notice | null {
  const numbers = new Set(note.split(',').map(Number))
  const messages = notice.messages.filter((_message, i) => numbers.has(i))
  return messages.length === 0 ? null : { ...notice, messages }
}
