import type { MemberNotice, Notice } from '../../shared/notice.ts'
import type { GapReason } from '../../shared/position.ts'
import type { Goodbye } from '../../shared/protocol.ts'
import type { Room } from '../../shared/room.ts'

/** What the list shows: a notice, or something one must know to trust the list. */
export type Row =
  /**
   * A notice seen in several watched rooms has a row for each, naming the room: every room has its own log, and a row
   * left out here could hide that the other room missed it.
   */
  | { readonly kind: 'notice'; readonly room: Room; readonly notice: Notice | MemberNotice }
  | { readonly kind: 'gap'; readonly room: Room; readonly reason: GapReason }
  | { readonly kind: 'recovered'; readonly room: Room; readonly count: number }
  | { readonly kind: 'goodbye'; readonly goodbye: Goodbye }
