import type { MemberNotice, Notice } from './notices.ts'
import type { GapReason, Position } from '../position.ts'
import type { Goodbye, Refused } from '../protocol.ts'
import type { Room } from '../room.ts'
import type { Credential } from './credential.ts'
import type { PositionStore } from './position-store.ts'

/** Of `auth` and `getToken`, exactly one is required. */
export type RecallClientOptions = ConnectionOptions & (AuthOption | GetTokenOption)

/** The options besides `auth` and `getToken`. */
export interface ConnectionOptions {
  /**
   * Of the gateway: `https://recalls.example.com`, or `https://example.com/recall` if a proxy serves it below a path. In a page,
   * also relative to it, such as `/recall`. Default: the origin of the page.
   */
  readonly url?: string | undefined
  /** Where positions are stored. Default: in memory. With `storedPositions(sessionStorage)`, a reload misses nothing. */
  readonly positions?: PositionStore | undefined
}

/** A credential of any kind. */
export interface AuthOption {
  /**
   * `{ token }`, `{ userId, userSig }`, or a function that returns one, or a promise of one, within 30 s. The client calls it
   * before each connection, again before a token expires, once more if what it returned is invalid, and until one is accepted
   * if it has expired, perhaps while an earlier call is still under way. If it throws, the client emits `error` and retries.
   */
  readonly auth: Credential | (() => Credential | Promise<Credential>)
  /** Instead of `auth`. */
  readonly getToken?: undefined
}

/** A function that returns tokens. */
export interface GetTokenOption {
  /** Like a function as `auth`, but returns only the JWT. */
  readonly getToken: () => string | Promise<string>
  /** Instead of `getToken`. */
  readonly auth?: undefined
}

/** Why the gateway refuses this client: an error code of the protocol, or the code of a goodbye, such as `'4500'`. */
export interface Refusal {
  readonly code: string
  readonly message: string
}

/**
 * - `connecting`: the first attempt, or the first since `connect()`, is under way.
 * - `loading`: connected, and some room waits for its `load`.
 * - `live`: connected, the node proves that notices arrive, and every notice of every room that is not refused was received and
 *   handled.
 * - `catching-up`: connected, and some room is not live yet.
 * - `stale`: connected, but the node cannot prove that notices arrive. Some may be missing since `since`.
 * - `offline`: not connected; the client keeps trying to reconnect, next at `retryAtMs`.
 * - `refused`: the gateway refuses this client, or every room that it follows. A person must act; then call `connect()`.
 * - `closed`: after `close()`; of a subscription, also after `leave()`.
 */
export type StateKind =
  'connecting' | 'loading' | 'live' | 'catching-up' | 'stale' | 'offline' | 'refused' | 'closed'

/** What the client, or one of its subscriptions, is, since when, and why. */
export interface State {
  /** Which of the states. */
  readonly kind: StateKind
  /**
   * Since when, in ms since 1970 by the client's clock. For `stale`: since when delivery is not proved;
   * for `offline` with the code `SILENT`: since when nothing has arrived.
   */
  readonly since: number
  /** The kind before this one. */
  readonly previous?: StateKind
  /** Why, for programs: an error code of the protocol, the code of a goodbye, or a code of the client such as `NO_ANSWER`. */
  readonly code?: string
  /** Why, for people. Each kind but `connecting`, `live` and `closed` has one. */
  readonly reason?: string
  /** When the client connects again, in ms since 1970. */
  readonly retryAtMs?: number
}

/** Notices of a room are missing and no longer available. */
export interface RoomGap {
  /** Which room. */
  readonly room: Room
  /** Why they are missing. */
  readonly reason: GapReason
  /** What was loaded once the gap was told contains everything up to here; the next notice follows it. */
  readonly position: Position
}

/** Missed notices of a room are about to be delivered: after a reconnect, or since the stored position. */
export interface RoomRecovered {
  /** Which room. */
  readonly room: Room
  /** How many. */
  readonly count: number
}

/** The gateway refused a room, or ended the subscription. */
export interface RoomRefused {
  /** Which room. */
  readonly room: Room
  /** An error code of the protocol. */
  readonly code: string
  /** Why, for people. */
  readonly message: string
  /** Whether the client subscribes again after a backoff. Otherwise it does with its next credential: refreshed, or on connect. */
  readonly retry: boolean
}

/** A failure in the application, its position store or its token endpoint, or a connection that keeps failing. */
export interface ClientError {
  /**
   * - `listener`: a listener of notices threw, or its promise rejected.
   * - `gap`: the same of a handler of `gap`; or nothing handles it. `load`: the same of `load`.
   * - `getToken`: `getToken` or `auth` threw, or returned no credential, none within 30 s, or one that cannot be used.
   * - `store`: the position store threw, or did not respond within 10 s.
   * - `connection`: why the client is offline, if this does not pass by itself: somebody must change `url`, a setting of the
   *   gateway, the page or the network. Told once for each outage.
   */
  readonly source: 'listener' | 'gap' | 'load' | 'getToken' | 'store' | 'connection'
  /** What was thrown. */
  readonly error: unknown
  /** Where, unless it concerns all rooms. */
  readonly room?: Room
  /** What the listener was called with. */
  readonly notice?: Notice<Room> | MemberNotice<Room>
  /** How many attempts have failed in a row: 1, 2, 3 … */
  readonly attempt: number
  /** When it is tried again, in whole ms from now. */
  readonly retryInMs?: number
  /**
   * Gives up on this notice, gap or load: the position moves past it, and what follows is delivered. For `listener`, `gap` and
   * `load`. Has no effect once it has succeeded after all, or the listener has left.
   */
  readonly skip?: () => void
}

/** The events of a client, each with what its listeners receive. */
export interface ClientEvents {
  /** The state of the client has changed. */
  readonly state: State
  /** Missed notices are about to be delivered. */
  readonly recovered: RoomRecovered
  /**
   * Reload the conversation, or ask `recalled` about the messages it shows. The gap is told again, after a backoff, until
   * every handler has returned and any promise it returned has resolved. Only then the position moves to that of the gap, and
   * what follows is delivered. If nothing handles gaps, the client emits `error`, and tries again.
   */
  readonly gap: RoomGap
  /** The gateway refused a room, or ended the subscription. */
  readonly refused: RoomRefused
  /** The node is about to close the connection. Codes below 4500: the client reconnects. From 4500 on: it does not. */
  readonly goodbye: Goodbye
  /** Something failed that the client tries again by itself. If nothing listens, it is written to the console. */
  readonly error: ClientError
}

/** The events of one subscription. As those of the client, but for this subscription alone. */
export type SubscriptionEvents = Pick<ClientEvents, 'state' | 'recovered' | 'gap' | 'refused'>

/** Options of `subscribe`. */
export interface SubscribeOptions {
  /** Where to start, instead of the stored position, or of now. Anything but a position throws a TypeError. */
  readonly since?: Position | undefined
  /**
   * Loads the state that the notices change, such as the messages of the conversation. Called with the position of the room
   * before any notice is delivered (unless `since` says that the state is there), and again for each gap. Once it has
   * returned, and any promise it returned has resolved, notices follow from exactly that position. If it throws, it is called
   * again after a backoff.
   */
  readonly load?: ((position: Position) => unknown) | undefined
}

/** One listener of a room. */
export interface Subscription {
  /** The room, as the gateway names it. */
  readonly room: Room
  /** For this subscription alone. `refused`: see the event `refused`. `closed`: after `leave()` or `close()`. */
  readonly state: State
  /**
   * This listener's own place: after the last notice for which it has returned. Undefined before the gateway's first
   * response, and before the first `load` has returned.
   */
  readonly position: Position | undefined
  /** Calls `listener` on each event of this name, until it leaves. Returns a function that removes it. */
  on<Name extends keyof SubscriptionEvents>(
    event: Name,
    listener: (value: SubscriptionEvents[Name]) => unknown,
  ): () => void
  /**
   * Stops listening. The listener is not called again. If it is running, the notice does not count as handled: whoever
   * subscribes next receives it.
   */
  leave(): void
}

/** Why `recalled` or `isRecalled` failed. */
export class RequestRefused extends Error {
  /** An error code of the protocol, `NO_ANSWER` (not connected, the connection was lost, or the node is silent), or `CLOSED`. */
  readonly code: string
  /** Whether the same request may succeed later. */
  readonly retry: boolean

  constructor({ code, message, retry }: Pick<Refused, 'message' | 'retry'> & { readonly code: string }) {
    super(message)
    this.name = 'RequestRefused'
    this.code = code
    this.retry = retry
  }
}
