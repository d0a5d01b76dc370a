import type { Notice } from '../../shared/notice.ts'
import type { Position } from '../../shared/position.ts'
import type { History } from './broker.ts'

/** Two recalls of one message without a time of the provider, closer than this, are one recall told twice. */
export const UNTIMED_REPEAT_WITHIN_MS = 3_600_000

/** How long the position of a log outlives its last use, in s: 30 days. */
export const POSITION_TTL_S = 30 * 86_400

/**
 * How long the position of a log that never had an entry outlives its last use, in s: a day. Whoever may subscribe can make
 * such positions, as many as there are names.
 */
export const UNUSED_TTL_S = 86_400

/**
 * What a log answers to one who stopped at `since`: pure, so that every broker gives the same answer.
 * `read` holds, oldest first, the entries after `since.offset` that the log still has; `null` stands for an entry that
 * could not be read.
 */
export function answerSince(since: Position, top: Position, read: readonly (Notice | null)[]): History {
  if (since.epoch !== top.epoch || since.offset > top.offset) return { gap: 'epoch-changed', top }
  if (since.offset === top.offset) return { notices: [], top }
  const notices: Notice[] = []
  for (const entry of read) {
    if (entry === null) return { gap: 'unreadable', top }
    if (entry.offset !== since.offset + notices.length + 1) return { gap: 'trimmed', top }
    notices.push(entry)
  }
  return notices.length === 0 ? { gap: 'trimmed', top } : { notices, top }
}
