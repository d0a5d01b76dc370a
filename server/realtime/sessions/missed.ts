import type { Notice } from '../../../shared/notice.ts'
import { mergeInOrder } from '../../../shared/position.ts'
import type { GapReason, Position } from '../../../shared/position.ts'

/** More than this is not replayed: whoever missed so much is faster served by a reload. */
const NOTICES_AT_MOST = 1_000

/** Where a room of this node stands. */
export interface Standing {
  readonly position: Position
  readonly tail: readonly Notice[]
}

type WhatIsMissed =
  /** Exactly what lies between `since` and the position of the room. */
  | { readonly notices: readonly Notice[] }
  | { readonly gap: GapReason }
  /** The log must be read on after this offset to tell. */
  | { readonly readAfter: number }

/**
 * What one who stopped at `since` missed until where the room stands now, given what was `read` of the log after `since`
 * so far. Pure. The log may have been read beyond the position of the room: that part will arrive live.
 */
export function missedSince(since: Position, room: Standing, read: readonly Notice[]): WhatIsMissed {
  const missing = room.position.offset - since.offset
  if (since.epoch !== room.position.epoch || missing < 0) return { gap: 'epoch-changed' }
  if (missing > NOTICES_AT_MOST) return { gap: 'too-many' }
  const { run } = mergeInOrder(since.offset, read, room.tail)
  const notices = run.slice(0, missing)
  if (notices.length === missing) return { notices }
  return { readAfter: since.offset + read.length }
}
