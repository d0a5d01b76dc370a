import type { PowerCutLoss } from '../../shared/http-api.ts'
import type { Notice } from '../../shared/notice.ts'
import type { Position } from '../../shared/position.ts'
import type { Conversation } from '../../shared/conversation.ts'
import type { MessageName, RecalledAt } from '../../shared/message.ts'
import type { Recall } from '../../shared/recall.ts'
import type { Room } from '../../shared/room.ts'
import type { RecordName, RecordsPage, RecordsRead } from './records.ts'
import type { Excerpt, History, HistoryBefore, LogPart, StoredEntries } from './log-reading.ts'
import type { Told, ToldNote } from './told.ts'

export interface PublishOptions {
  /** Do not wait for further recalls to share a call with. Set it when none will follow. */
  readonly immediately?: boolean
  /** It is on the disk of the caller, who removes it once this resolves: a copy must be there before. */
  readonly fromDisk?: boolean
}

/**
 * Whoever reads a position again and again renews it at least this often, in s, and not each time: what is stored for some time
 * after its last use is stored for so much longer.
 */
export const POSITION_RENEWAL_S = 3_600

/**
 * Stores recalls and broadcasts them. These comments are the contract; one test suite runs against every implementation.
 *
 * - Each room has a log: notices with the offsets 1, 2, 3 … under one epoch. The log holds the latest `historySize`
 *   notices and is emptied `historyTtlS` after its last one. Its position outlives its notices by weeks, so that clients of
 *   a quiet room can still be assured that they missed nothing.
 * - An epoch is never used for a second numbering. A log that was lost starts over under a new epoch. A log that lost only
 *   its latest entries, as a failover can cause, gets a new epoch from the first process that notices.
 * - Every method except `start` may be called while the technology behind the broker is unavailable. It then rejects with
 *   BROKER_UNAVAILABLE, within about a second unless its comment says otherwise.
 */
export interface Broker {
  /**
   * Connects or opens. Rejects with START_FAILED and one clear sentence when that is not possible now. Whatever can be
   * retried is retried nevertheless, until `stop`.
   */
  start(): Promise<void>

  /** Releases all resources; everything published before stays stored. Calling it again is harmless. */
  stop(): Promise<void>

  /** Returns whether a publish made now can be expected to be stored, and notices to arrive. */
  isReady(): boolean

  /** Returns why it is not ready, one sentence each, without hosts, users or secrets; empty when it is ready. */
  reasons(): readonly string[]

  /** Returns what puts data at risk, or is refused without keeping the broker from being ready, in sentences like `reasons`. */
  warnings(): readonly string[]

  /** Returns what a power cut would take away of what is stored now, as far as that is known. */
  powerCut(): PowerCutLoss

  /**
   * Returns how long ago, in ms, the latest probe was sent that arrived here on the path of the notices: what was published
   * before it has arrived, or its listeners know that it may be lost. The broker probes continuously on its own and
   * reconnects whatever does not deliver.
   */
  probeAgeMs(): number

  /**
   * Returns whether it is proved that notices arrive here: false within 2.5 s of the latest proof if the next ones fail, and
   * until one succeeds. Time in which the process itself was blocked does not count.
   */
  isDelivering(): boolean

  /**
   * Stores the recall and broadcasts it, in one atomic step. A message is new unless the recalled set of the conversation
   * holds it *with the same or a later time*. (With a later time it was recalled again: a group can be dismissed and created
   * again. An earlier time is old news, for example from a spool.) The new messages enter the recalled set, and one notice
   * with all of them enters the log of every room concerned.
   *
   * An untimed recall counts as a repeat of any recall within the hour before it. What was recalled until the end of a group
   * (see `endGroup`) makes nothing after it a repeat. A recall from before the end that comes after it enters the log of the
   * feed only.
   *
   * Resolves once stored. Rejects with BROKER_UNAVAILABLE when nothing was stored or the outcome is unknown, at the latest
   * `timeoutMs` after the call. Calling again with the same recall is always safe.
   */
  publish(recall: Recall, timeoutMs: number, options?: PublishOptions): Promise<Published>

  /**
   * Calls `onNotice` with each notice of the room published after this resolves, in order of offset. A notice can still be
   * lost in transit, for example with a dropped connection, and the loss is not reported: the listener sees a hole between
   * offsets and reads `history`. `onLost` means that such a loss is possible from now on, and `onInterrupted` that it was
   * possible and that the subscription is restored.
   */
  subscribe(room: Room, listener: RoomListener): Promise<Subscription>

  /**
   * Ends a group that was dismissed at this time, in ms since 1970; one with the same id may follow. The recalled sets of the
   * group and its topics forget what was recalled until then, and keep what was recalled later, in whatever order recalls and
   * this call arrive. The logs of their rooms are emptied and get a new epoch, and their listeners get `onInterrupted`. The
   * feed keeps its notices. No effect if a later end is known. Takes longer than a second for very large sets; calling it
   * again is always safe, and completes what an earlier call did not.
   */
  endGroup(group: string, atMs: number): Promise<void>

  /**
   * Returns the notices after `since`, oldest first, at most `limit`, which is 1 or more; or the reason why they cannot be
   * returned.
   */
  history(room: Room, since: Position, limit: number): Promise<History>

  /** Reads the last `limit` entries before this offset, oldest first; fewer, or none, at the beginning of the log. */
  historyBefore(room: Room, before: number, limit: number): Promise<HistoryBefore>

  /**
   * Returns the last position of each room, in the order requested. A room that was never used gets its epoch now. `renews` says
   * whether this is a use after which positions are stored for some time; see `POSITION_RENEWAL_S`. Default: true.
   */
  heads(rooms: readonly Room[], options?: { readonly renews?: boolean }): Promise<readonly Position[]>

  /**
   * Returns for each part of a log what the log holds of it, at most 100 entries, and where the log ends. A room that was never
   * used gets its epoch now.
   */
  excerpts(parts: readonly LogPart[]): Promise<readonly Excerpt[]>

  /**
   * Returns the entries after an offset exactly as they are stored, oldest first, at most `limit`, which is 100 or less, and where the
   * log ends; without `head` for a room that was never used. Reading is no use after which positions are stored.
   */
  entries(room: Room, after: number, limit: number): Promise<StoredEntries>

  /**
   * Notes when a node told notices. Of several notes of a notice the earliest counts, of two notices at one offset the latest note.
   * Notes stay stored about as long as the notices.
   */
  noteTold(notes: readonly ToldNote[]): Promise<void>

  /** Returns, by offset, when the notices of a part of a log were first told; only those that were noted. At most 1,000. */
  told(part: LogPart): Promise<ReadonlyMap<number, Told>>

  /**
   * Gives the log a new epoch if it still has this one. Call it for a log that is known to have lost entries: notices
   * delivered under the old numbering must not be mixed with those that follow. The entries stay; those after `agreesUntil` may
   * be others than before. Listeners get `onInterrupted`. `cut` is noted in the new epoch; see `isSince`.
   */
  newEpoch(room: Room, epoch: string, agreesUntil?: number, cut?: string): Promise<void>

  /**
   * Sends a text, at most 4 KiB, to all processes of the app, including this one. Resolves once stored. It stays stored for
   * a day, as long as it is among the latest 1,000 of its subject.
   */
  announce(subject: AnnouncementSubject, text: string): Promise<void>

  /**
   * Calls `listener` with each announcement of the subject once, in order: soon with the stored ones, then with each new
   * one as it arrives. Those made while the technology behind the broker was unavailable arrive when it is back. Calls
   * `onCaughtUp` once, when the listener has been called with everything that was stored. Returns a function that stops it.
   */
  onAnnouncement(
    subject: AnnouncementSubject,
    listener: AnnouncementListener,
    onCaughtUp?: () => void,
  ): () => void

  /**
   * Stores a text, at most 4 KiB, among the records of this name, which any process can read. Resolves once stored. It stays stored for as
   * long as `RECORD_LIMITS` says.
   */
  record(name: RecordName, text: string): Promise<void>

  /**
   * Returns records, newest first; fewer than `limit` only at the end. Rejects with REQUEST_MALFORMED if `before` is no id. What no process
   * of the app has written is left out, and counted.
   */
  records(name: RecordName, page: RecordsPage): Promise<RecordsRead>

  /**
   * Reports the status of the process with this id to all processes of the app: at most 4 KiB. It is stored for ten minutes. Of
   * processes that are gone, the latest 50 are sure to be stored so long.
   */
  heartbeat(id: string, text: string): Promise<void>

  /** Returns the latest heartbeat of each process, and its age, by the clock of the store. */
  heartbeats(): Promise<readonly Heartbeat[]>

  /**
   * Asks the process of the app that answers to this name, at most 16 KiB, and resolves to its answer. Rejects with the error
   * that it answered with. Rejects with PROCESS_UNREACHABLE if nobody answers within 2 s: the process may have acted all the same.
   * Rejects with NODE_FULL while 64 questions of this process wait. A process answers itself without the technology behind the
   * broker.
   */
  ask(name: string, question: string): Promise<string>

  /**
   * Calls `answer` with each question to this name, of any process, 16 at a time. Of an error the asker gets code and message. An
   * answer has at most 1 MiB. Returns a function that stops it. One answers to a name in a process.
   */
  onAsk(name: string, answer: Answer): () => void

  /**
   * Returns those of the messages with these names that are recalled in exactly this conversation, each with the time of its last
   * recall. Exact for as long as the recalled set is stored.
   */
  recalled(conversation: Conversation, names: readonly MessageName[]): Promise<readonly RecalledAt[]>
}

export interface Published {
  /** Whether every message was known, so that nothing was broadcast. */
  readonly duplicate: boolean
  /** Persisted locally, to be published later: whether it is new, and its positions, are not known yet. */
  readonly spooled?: true
  /** The position of the notice in the log of each room it went to; empty for a duplicate. */
  readonly positions: readonly { readonly room: Room; readonly position: Position }[]
}

/** Subjects are stored apart, so that many announcements of one do not evict those of the other. */
export type AnnouncementSubject = 'revocations' | 'memberships'

/** Rejects with a GatewayError for the asker. */
export type Answer = (question: string) => Promise<string>

/** `atMs`: when it was announced, in ms since 1970. */
export type AnnouncementListener = (text: string, atMs: number) => void

export interface RoomListener {
  onNotice(notice: Notice, epoch: string): void
  /** `onInterrupted` follows. */
  onLost?(): void
  onInterrupted(): void
}

export interface Subscription {
  /** No more calls to the listener follow. Never fails. */
  leave(): void
}

/** What a process reported last. */
export interface Heartbeat {
  readonly id: string
  readonly ageMs: number
  /** Undefined if it is not signed with a key of ours. */
  readonly text: string | undefined
}

/** Options of every broker. */
export interface BrokerOptions {
  /** Maximum length of a room's log, in notices. */
  readonly historySize: number
  /** How long a log is stored after its last notice, in s. */
  readonly historyTtlS: number
  /** Minimum time that the recalled set of a conversation is stored after its last recall, in s. Without it: forever. */
  readonly recalledTtlS?: number | undefined
}
