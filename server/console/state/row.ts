import type { MemberNotice, Notice } from '../../../shared/notice.ts'
import type { GapReason } from '../../../shared/position.ts'
import type { Goodbye } from '../../../shared/protocol.ts'
import type { Room } from '../../../shared/room.ts'

export interface NoticeRow {
  readonly kind: 'notice'
  /** In whose log it stands. */
  readonly room: Room
  readonly notice: Notice | MemberNotice
  /** When it came to this page; undefined when it was read from the log. */
  readonly seenAtMs?: number
}

/** What a list shows: a notice, or something one must know to trust the list. */
export type Row =
  | NoticeRow
  | { readonly kind: 'gap'; readonly reason: GapReason }
  | { readonly kind: 'recovered'; readonly count: number }
  | { readonly kind: 'goodbye'; readonly goodbye: Goodbye }

export interface KeyedRow {
  /** Counts rows; tells them apart while they move down the list. */
  readonly key: number
  readonly row: Row
}
