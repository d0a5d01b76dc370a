import type { Notice } from '../notice.ts'
import type { Room } from '../room.ts'

/** A recall that a search found, and where. */
export interface SearchHit {
  /** The room in whose log it is. */
  readonly room: Room
  /** Together with the offset of the notice, its place there. */
  readonly epoch: string
  readonly notice: Notice
}

/** `GET /v1/search`: what was found in the part of a log that this request looked through, the newest of it first. */
export interface SearchResponse {
  readonly ok: true
  readonly hits: readonly SearchHit[]
  readonly searched: {
    /**
     * The room whose log it is: the one that the filter names if its log reaches back further than the feed, or the feed. Then, behind the
     * log of a group, the feed, which alone has what came late of a group that was dismissed; and behind the feed, the rooms that the filter
     * may mean, one after the other.
     */
    readonly room: Room
    /** How many entries this request looked at, unreadable ones included. */
    readonly entries: number
    /** Entries that nobody can read, such as those with a wrong signature. Missing if there were none. */
    readonly unreadable?: number
    /**
     * When the store kept the entries, in ms since 1970, the earliest and the latest; null if it looked at none. A recall that waited in a
     * spool is kept later than it was received.
     */
    readonly fromMs: number | null
    readonly toMs: number | null
  }
  /**
   * When the store kept the oldest entry of this log, or of the feed if others follow it, in ms since 1970; null if it holds none. All that
   * was received since is there.
   */
  readonly keptSinceMs: number | null
  /** Continues with older entries. Missing: all was looked through, by this request and those before it, but for `beyond`. */
  readonly cursor?: string
  /**
   * Other logs that may hold more, and were not looked through: the filter names not one conversation, and the feed has dropped recalls that
   * the logs of their conversations may still hold. Missing if there are none.
   */
  readonly beyond?: 'conversations'
  /** The log has another epoch than the cursor: this is the first page again, and what earlier ones found may be here once more. */
  readonly restarted?: true
}
