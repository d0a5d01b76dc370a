import type { Notice } from '../../../shared/notice.ts'
import type { GapReason, Position } from '../../../shared/position.ts'
import type { History } from '../../broker/broker.ts'
import { mergeInOrder } from '../../../shared/position.ts'

/** What is sent at once: more waits until it is on its way, so that little waits here for a socket that reads slowly. */
const FRAME_BYTES = 64 * 1024
/** What may be sent in the moment in which a socket joins: no more than what is sent to it in a lively room anyway. */
const LAST_BYTES = 4 * FRAME_BYTES
/** What a notice, and a message of it, take apart from identifiers: names, numbers, punctuation. */
const NOTICE_BYTES = 200
const MESSAGE_BYTES = 32

/** What was missed up to where the room stands, or why that cannot be told. */
export interface Missed {
  readonly notices?: readonly Notice[]
  readonly gap?: GapReason
}

/** Whom a replay serves. */
interface ReplaySide {
  readonly isOpen: () => boolean
  /** Resolves once all that was sent so far is on its way. */
  readonly flushed: () => Promise<void>
  /** Reads a page of the log. */
  readonly read: (since: Position) => Promise<History>
  /** Sends a part of what was missed, from the front, that is too much to be sent in one go. */
  readonly send: (notices: readonly Notice[]) => void
  /** Sends the last part and joins: nothing may happen in between. */
  readonly subscribe: (missed: Missed) => void
}

/**
 * Tells a socket that stopped at `since` what it missed, page by page and no faster than it reads, until the rest ends
 * exactly where the room stands. Answers whether it entered then: not when it is gone before.
 */
export async function replay(since: Position, room: RoomState, side: ReplaySide): Promise<boolean> {
  let at = since
  let page: readonly Notice[] = []
  for (;;) {
    await side.flushed()
    if (!side.isOpen()) return false
    const missed = missedSince(at, room, page)
    if ('gap' in missed || ('notices' in missed && bytesOf(missed.notices) <= LAST_BYTES)) {
      side.subscribe(missed)
      return true
    }
    if ('readAfter' in missed && page.length === 0) {
      const history = await side.read(at)
      page = history.gap === undefined ? history.notices : []
      if (page.length > 0) continue
      // A log that ends before the room is not the one that the room followed.
      side.subscribe({ gap: history.gap ?? 'epoch-changed' })
      return true
    }
    const part = firstOf('notices' in missed ? missed.notices : page)
    side.send(part)
    at = { epoch: at.epoch, offset: at.offset + part.length }
    page = page.slice(part.length)
  }
}

/** As many from the front as fit into a frame, and one at least. */
function firstOf(notices: readonly Notice[]): readonly Notice[] {
  let bytes = 0
  const fitting = notices.findIndex((notice) => (bytes += bytesOf([notice])) > FRAME_BYTES)
  return fitting === -1 ? notices : notices.slice(0, Math.max(1, fitting))
}

/** About so many bytes are sent for them. */
const bytesOf = (notices: readonly Notice[]): number =>
  notices.reduce(
    (sum, { messages }) =>
      messages.reduce((bytes, { id = '' }) => bytes + MESSAGE_BYTES + id.length, sum + NOTICE_BYTES),
    0,
  )

/** More than this is not replayed: whoever missed so much is faster served by a reload. */
const MAX_NOTICES = 1_000

/** Where a room of this node stands. */
export interface RoomState {
  readonly position: Position
  readonly tail: readonly Notice[]
}

type Recovery =
  /** Exactly what lies between `since` and the position of the room. */
  | { readonly notices: readonly Notice[] }
  | { readonly gap: GapReason }
  /** The log must be read on after this offset to tell. */
  | { readonly readAfter: number }

/**
 * What one who stopped at `since` missed until where the room stands now, given what was `read` of the log after `since`
 * so far. Pure. The log may have been read beyond the position of the room: that part will arrive live.
 */
export function missedSince(since: Position, room: RoomState, read: readonly Notice[]): Recovery {
  const missing = room.position.offset - since.offset
  if (since.epoch !== room.position.epoch || missing < 0) return { gap: 'epoch-changed' }
  if (missing > MAX_NOTICES) return { gap: 'too-many' }
  const { run } = mergeInOrder(since.offset, read, room.tail)
  const notices = run.slice(0, missing)
  if (notices.length === missing) return { notices }
  return { readAfter: since.offset + read.length }
}
