import type { Notice } from '../../../shared/notice.ts'
import { mergeInOrder } from '../../../shared/position.ts'
import type { GapReason, Position } from '../../../shared/position.ts'
import type { History } from '../../broker/log-reading.ts'
import type { LocalRoom } from '../rooms/local-room.ts'

/** Target size of a frame of missed notices. The next one waits until this one has left, so slow readers fill no buffers. */
const FRAME_BYTES = 64 * 1024
/** Maximum sent in the turn of joining: no more than a busy room sends a connection anyway. */
const MAX_LAST_BYTES = 4 * FRAME_BYTES
/** Overhead of a notice, and of each of its messages, beyond identifiers: names, numbers, punctuation. */
const NOTICE_BYTES = 200
const MESSAGE_BYTES = 32
/** More are not replayed: a client that missed so many is served faster by a reload. */
const MAX_NOTICES = 1_000

/** The missed notices up to the room's position, or why they are unknown. */
export interface Missed {
  readonly notices?: readonly Notice[]
  readonly gap?: GapReason
}

/** What a replay needs from the connection that resumes. */
export interface ReplayTarget {
  /**
   * Resolves once everything sent so far has left this process, and to whether the connection is still open. Rejects if it may
   * not join any more. `held` stays in memory until then.
   */
  ready(held: readonly Notice[]): Promise<boolean>
  read(since: Position): Promise<History>
  /** Sends the next part of the missed notices, while they are too many for one turn. */
  send(notices: readonly Notice[]): void
  /** Tells the connection that notices may be missing, and that it goes on after this position: `send` or `join` follow. */
  restart(after: Position, gap: GapReason): void
  /** Sends the last part and joins, in one turn. Returns false, and does nothing, unless the connection is still ready. */
  join(missed: Missed): boolean
}

/**
 * Sends a connection that stopped at `since` the notices it missed, page by page and no faster than it reads, until the
 * rest ends exactly at the room's position, and passes that to `join`. Returns false if the connection closes first.
 */
export async function replay(since: Position, room: RoomState, target: ReplayTarget): Promise<boolean> {
  let at = since
  let page: readonly Notice[] = []
  for (;;) {
    if (!(await target.ready(page))) return false
    const missed = missedSince(at, room, page)
    const resume = 'gap' in missed ? await resumeAfter(missed.gap, at, room, target) : undefined
    if (resume !== undefined) {
      if (!(await target.ready([]))) return false
      target.restart(resume, 'epoch-changed')
      at = resume
      page = []
      continue
    }
    if ('gap' in missed || ('notices' in missed && bytesOf(missed.notices) <= MAX_LAST_BYTES)) {
      if (target.join(missed)) return true
      continue
    }
    if ('readAfter' in missed && page.length === 0) {
      const history = await target.read(at)
      page = history.gap === undefined ? history.notices : []
      if (page.length > 0) continue
      // A log that ends before the room's position is not the log that the room followed.
      if (target.join({ gap: history.gap ?? 'epoch-changed' })) return true
      continue
    }
    const part = firstFrameOf('notices' in missed ? missed.notices : page)
    target.send(part)
    at = { epoch: at.epoch, offset: at.offset + part.length }
    page = page.slice(part.length)
  }
}

/**
 * Returns where to go on after a change of the epoch, so that everything follows which may be new to the client; undefined if
 * that is at the room's position, or too far behind.
 */
async function resumeAfter(
  gap: GapReason,
  since: Position,
  room: RoomState,
  target: ReplayTarget,
): Promise<Position | undefined> {
  if (gap !== 'epoch-changed') return undefined
  const { resume } = { resume: undefined, ...(await target.read(since)) }
  if (resume?.epoch !== room.position.epoch) return undefined
  const missing = room.position.offset - resume.offset
  return missing > 0 && missing <= MAX_NOTICES ? resume : undefined
}

/** Returns as many from the front as fit into a frame, and at least one. */
function firstFrameOf(notices: readonly Notice[]): readonly Notice[] {
  let bytes = 0
  const fitting = notices.findIndex((notice) => (bytes += bytesOf([notice])) > FRAME_BYTES)
  return fitting === -1 ? notices : notices.slice(0, Math.max(1, fitting))
}

/** Estimates how many bytes the notices take when sent. */
const bytesOf = (notices: readonly Notice[]): number =>
  notices.reduce(
    (sum, { messages }) =>
      messages.reduce((bytes, { id = '' }) => bytes + MESSAGE_BYTES + id.length, sum + NOTICE_BYTES),
    0,
  )

/** In memory, a notice takes about twice what it takes on the wire. */
export const bytesInMemory = (notices: readonly Notice[]): number => bytesOf(notices) * 2

type RoomState = Readonly<Pick<LocalRoom, 'position' | 'tail'>>

type Recovery =
  /** Exactly the notices between `since` and the room's position. */
  | { readonly notices: readonly Notice[] }
  | { readonly gap: GapReason }
  /** Not known yet: the log must be read from after this offset. */
  | { readonly readAfter: number }

/**
 * Returns what a client that stopped at `since` has missed up to the room's current position, given what has been `read`
 * of the log after `since`. Pure. The log may have been read beyond the room's position: that part will arrive live.
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
