import type { MemberNotice, Notice } from '../notice.ts'
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
   * before each connection, again before a token expires, and once more if what it returned is refused. If it throws, the
   * client emits `error` and retries.
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
 * - `live`: connected, the node proves that notices arrive, and every notice of every room was received and handled.
 * - `catching-up`: connected, and some room is not live yet.
 * - `stale`: connected, but the node cannot prove that notices arrive. Some may be missing since `since`.
 * - `offline`: not connected; the client keeps trying to reconnect, next at `retryAtMs`.
 * - `refused`: the gateway refuses this client. A person must act; then call `connect()`.
 * - `closed`: after `close()`.
 */
export type StateKind =
  'connecting' | 'loading' | 'live' | 'catching-up' | 'stale' | 'offline' | 'refused' | 'closed'

/** What the client, or one of its subscriptions, is, since when, and why. */
export interface State {
  /** Which of the states. */
  readonly kind: StateKind
  /** Since when, in ms since 1970 by the client's clock. For `stale`: since when delivery is not proved. */
  readonly since: number
  /** The kind before this one. */
  readonly previous?: StateKind
  /** Why, for programs: an error code of the protocol, the code of a goodbye, or a code of the client such as `NO_ANSWER`. */
  readonly code?: string
  /** Why, for people. */
  readonly reason?: string
  /** When the client connects again, in ms since 1970. */
  readonly retryAtMs?: number
}

export interface ClientEvents {
  readonly state: State
  /** `count` missed notices of the room are about to be delivered: after a reconnect, or since the stored position. */
  readonly recovered: { readonly room: Room; readonly count: number }
  /**
   * Notices of the room are missing and no longer available. Reload the conversation, or ask `recalled` about the messages it
   * shows. Once the listeners have returned, the client continues from `position` by itself.
   */
  readonly gap: { readonly room: Room; readonly reason: GapReason; readonly position: Position }
  /**
   * The gateway refused a room, or ended the subscription. `code` is an error code of the protocol. With `retry`, the client
   * subscribes again after a backoff; without, when it connects with another credential.
   */
  readonly refused: {
    readonly room: Room
    readonly code: string
    readonly message: string
    readonly retry: boolean
  }
  /** The node is about to close the connection. Codes below 4500: the client reconnects. From 4500 on: it does not. */
  readonly goodbye: Goodbye
  /** Something failed. The client retries by itself. */
  readonly error: ClientError
}

export interface ClientError {
  /**
   * - `listener`: a listener of notices threw, or its promise rejected.
   * - `gap`, `load`: the same of a listener of `gap`, and of `load`.
   * - `getToken`: `getToken` or `auth` threw, or returned no credential, none within 30 s, or one that cannot be used.
   * - `store`: the position store threw.
   * - `connection`: why the client is offline, if this does not pass by itself: somebody must change `url`, a setting of the
   *   gateway, the page or the network. Told once for each outage.
   */
  readonly source: 'listener' | 'gap' | 'load' | 'getToken' | 'store' | 'connection'
  /** What was thrown. */
  readonly error: unknown
  /** How many attempts in a row have failed. */
  readonly attempt: number
  /** When the client tries again, in ms from now. */
  readonly retryInMs?: number
}

export interface SubscribeOptions {
  /** Where to start, instead of the stored position. Ignored if the client already follows the room. */
  readonly since?: Position | undefined
}

/**
 * Receives each notice of a room once, in order: `Notice` as an admin, `MemberNotice` otherwise. If it returns a promise, the
 * next notice waits for it. If it throws, or the promise rejects, it receives the same notice again after a backoff.
 */
export type NoticeListener = (notice: Notice | MemberNotice) => unknown

export interface Subscription {
  readonly room: Room
  /** For this room alone. `refused`: see the event `refused`. `closed`: after `leave()` or `close()`. */
  readonly state: State
  /** After the last notice that all listeners of the room have handled; undefined before the gateway's first response. */
  readonly position: Position | undefined
  /**
   * Stops listening. The listener is not called again. If it is running, the notice counts once it is done: if nobody else
   * listens to the room and it is not done in time, whoever subscribes next receives it too.
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
