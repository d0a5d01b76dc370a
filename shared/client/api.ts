import type { MemberNotice, Notice } from '../notice.ts'
import type { GapReason, Position } from '../position.ts'
import type { Goodbye, Refused } from '../protocol.ts'
import type { Room } from '../room.ts'
import type { Credential } from './credential.ts'
import type { PositionStore } from './position-store.ts'

export interface RecallClientOptions {
  /** Of the gateway; without it, the one that the page came from. */
  readonly url?: string
  /** A credential, or a function that gives one within 30 s: asked for each connection, and before the last one ends. */
  readonly auth?: Credential | (() => Credential | Promise<Credential>)
  /** The same, for tokens alone. */
  readonly getToken?: () => string | Promise<string>
  /** Where positions are kept; in memory by default. With one that outlives a reload, a reload misses nothing. */
  readonly positions?: PositionStore
}

/**
 * `live`: connected, in all rooms, nothing left to recover. `catching-up`: connected, not there yet. `refused`: the gateway does
 * not want to see this client again until a person has done something, and then `connect()`.
 */
export type State =
  | { readonly kind: 'connecting' | 'live' | 'catching-up' | 'offline' }
  | ({ readonly kind: 'refused' } & Refusal)

export interface ClientEvents {
  readonly state: State
  /** What was missed while away has been asked for and is on its way. */
  readonly recovered: { readonly room: Room; readonly count: number }
  /** Notices are missing and cannot be told: reload the conversation, or ask `recalled` about the messages it shows. */
  readonly gap: { readonly room: Room; readonly reason: GapReason; readonly position: Position }
  /** The gateway does not let this client into the room, or no more. Without `retry`, it is asked again with the next credential. */
  readonly refused: {
    readonly room: Room
    readonly code: string
    readonly message: string
    readonly retry: boolean
  }
  readonly goodbye: Goodbye
  /**
   * What a listener threw, which gets the notice again later; or what `auth`, `getToken` or the position store threw, or
   * that no credential came in 30 s.
   */
  readonly error: unknown
}

export interface SubscribeOptions {
  /** Where to go on, instead of where the position store says. Of no effect in a room that has listeners. */
  readonly since?: Position
}

export interface Subscription {
  readonly room: Room
  /** `refused`: see the event of that name. */
  readonly state: 'live' | 'catching-up' | 'offline' | 'refused'
  /** After the last notice from which the listeners of the room have returned; undefined before the first answer. */
  readonly position: Position | undefined
  /** No call to the listener follows. */
  leave(): void
}

/** May return a promise: the next notice is given when it has resolved. */
export type NoticeListener = (notice: Notice | MemberNotice) => unknown

/** What `recalled` and `isRecalled` reject with. */
export class RequestRefused extends Error {
  readonly code: string
  readonly retry: boolean

  constructor({ code, message, retry }: Pick<Refused, 'message' | 'retry'> & { readonly code: string }) {
    super(message)
    this.name = 'RequestRefused'
    this.code = code
    this.retry = retry
  }
}

export interface Refusal {
  readonly code: string
  readonly message: string
}
