import type { Notice } from '../../shared/notice.ts'
import type { GapReason, Position } from '../../shared/position.ts'
import type { Conversation, Recall, RecalledAt } from '../../shared/recall.ts'
import type { Room } from '../../shared/room.ts'

export interface PublishOptions {
  /** Nothing comes that could share a call with it: it does not wait for company. */
  readonly immediately?: boolean
}

/**
 * Keeps recalls and spreads them. The contract, which every implementation passes as one suite of tests:
 *
 * - Each room has a log: notices with the offsets 1, 2, 3 … under one epoch. The log holds the latest `historySize`
 *   notices and is emptied `historyTtlS` after its last one; its position outlives its notices by weeks, so that "nothing
 *   was missed" can be told of a quiet room.
 * - An epoch is never used for a second numbering. A log that was lost begins again under another epoch; one that lost its
 *   latest entries only (a failover can do that) gets another one from whoever notices first.
 * - Every method but `start` may be called while the technology behind is away, and then rejects with
 *   BROKER_UNAVAILABLE, within about a second unless it says otherwise.
 */
export interface Broker {
  /**
   * Connects or opens. Rejects with START_FAILED and one clear sentence when that is not possible now; what can be tried
   * again is tried again all the same, until `stop`.
   */
  start(): Promise<void>

  /** Lets go of everything; what was published before is kept. Calling it again is harmless. */
  stop(): Promise<void>

  /** Whether a publish made now can be expected to be kept, and notices to arrive. */
  isReady(): boolean

  /**
   * How long ago it was last proved, by a message on the way that notices go, that what is published arrives here; in ms.
   * The broker proves it by itself all the time, and rebuilds what turns out to be deaf.
   */
  probeAgeMs(): number

  /**
   * Keeps the recall and spreads it, in one atomic step: of its messages those count that the recalled set of the
   * conversation does not hold *with the same time* (with another time they are recalled anew: a group can be dismissed
   * and made again). They enter the recalled set, and one notice of them the log of every room concerned.
   *
   * An untimed recall repeats what was recalled within the hour before it.
   *
   * Resolves once kept. Rejects with BROKER_UNAVAILABLE when nothing was kept or the outcome is unknown, at the latest
   * `withinMs` from the call; calling again with the same recall is always safe.
   */
  publish(recall: Recall, timeoutMs: number, options?: PublishOptions): Promise<Published>

  /**
   * Calls `onNotice` with each notice of the room published after this resolves, in order of offset. A notice may still
   * be lost on the way (a dropped connection), never told: the listener sees a hole between offsets and reads `history`.
   * `onInterrupted` says that such a loss is possible now that the subscription stands again.
   */
  subscribe(room: Room, listener: RoomListener): Promise<Subscription>

  /** What follows `since` in the log, oldest first, at most `limit` notices; or why that cannot be told. */
  history(room: Room, since: Position, limit: number): Promise<History>

  /** The `limit` notices of the log that stand before this offset, nearest to it, oldest first; fewer where it begins. */
  historyBefore(room: Room, before: number, limit: number): Promise<HistoryBefore>

  /** The last position of each room, in the order asked, in one step. A room never used gets its epoch now. */
  heads(rooms: readonly Room[]): Promise<readonly Position[]>

  /**
   * Gives the log another epoch if it still has this one, for one who knows that it lost entries: what was told of the
   * old numbering must not be mixed with what follows. The entries stay. Listeners are told `onInterrupted`.
   */
  newEpoch(room: Room, epoch: string): Promise<void>

  /**
   * Tells all processes of the app something, this one included: at most 4 KiB of text. Resolves once kept, for a day and
   * among the latest 1,000 of its subject.
   */
  announce(subject: AnnouncementSubject, text: string): Promise<void>

  /**
   * Calls `listener` with each announcement of the subject once: soon with those that are kept, then with each as it comes, in order. What
   * was announced while the technology behind was away comes when it is back. Answers how to stop.
   */
  onAnnouncement(subject: AnnouncementSubject, listener: AnnouncementListener): () => void

  /** Tells all processes of the app how the one of this id is: at most 4 KiB of text, forgotten ten seconds later. */
  heartbeat(id: string, text: string): Promise<void>

  /** What processes told of themselves, and how long ago. */
  heartbeats(): Promise<readonly Heartbeat[]>

  /**
   * Those of `seqs` that are recalled in exactly this conversation, with the time of their last recall; exact for as long
   * as the set is kept.
   */
  recalled(conversation: Conversation, seqs: readonly number[]): Promise<readonly RecalledAt[]>
}

export interface Published {
  /** Nothing was new, so nothing was spread. */
  readonly duplicate: boolean
  /** Kept on local disk, to be spread later: whether it is new, and its positions, are not known yet. */
  readonly spooled?: true
  /** The place of the notice in the log of each room it went to; none for a duplicate. */
  readonly positions: readonly { readonly room: Room; readonly position: Position }[]
}

/** Apart, so that many of one do not push out those of the other. */
export type AnnouncementSubject = 'revocations' | 'memberships'

/** `atMs`: when it was announced, in ms since 1970. */
export type AnnouncementListener = (text: string, atMs: number) => void

export interface RoomListener {
  onNotice(notice: Notice, epoch: string): void
  onInterrupted(): void
}

export interface Subscription {
  /** No call to the listener follows. Never rejects. */
  leave(): void
}

export type History =
  | {
      readonly gap?: undefined
      readonly notices: readonly Notice[]
      /** The last position of the log when it was read; beyond the last notice here if `limit` cut. */
      readonly head: Position
    }
  | { readonly gap: GapReason; readonly head: Position }

interface Heartbeat {
  readonly id: string
  readonly ageMs: number
  readonly text: string
}

interface HistoryBefore {
  readonly notices: readonly Notice[]
  /** The last position of the log when it was read. */
  readonly head: Position
}

/** What every broker needs to know. */
export interface BrokerOptions {
  /** Longest log of a room, in notices. */
  readonly historySize: number
  /** How long a log is kept after its last notice, in s. */
  readonly historyTtlS: number
  /** How long the recalled set of a conversation is kept, at least, after its last recall, in s; none = for ever. */
  readonly recalledTtlS?: number | undefined
}

/** Two recalls of one message without a time of the provider, closer than this, are one recall told twice. */
export const UNTIMED_REPEAT_WINDOW_MS = 3_600_000

/** How long the position of a log outlives its last use, in s: 30 days. */
export const POSITION_TTL_S = 30 * 86_400

/**
 * How long the position of a log that never had an entry outlives its last use, in s: a day. Whoever may subscribe can make
 * such positions, as many as there are names.
 */
export const UNUSED_TTL_S = 86_400

/** Announcements that are kept for processes that were away or start later. */
export const MAX_ANNOUNCEMENTS = 1_000
/** How long, in s. */
export const ANNOUNCEMENTS_TTL_S = 86_400

/** A process that has told nothing of itself for so long is taken for gone. */
export const HEARTBEAT_TTL_MS = 10_000
/** Above so many, those of processes that are gone are looked for. */
export const MAX_HEARTBEATS = 200
