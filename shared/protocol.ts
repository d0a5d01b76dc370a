import type { ErrorCode } from './errors.ts'
import type { MemberNotice, Notice } from './notice.ts'
import type { GapReason, Position } from './position.ts'
import type { Conversation, RecalledAt } from './recall.ts'
import type { Room } from './room.ts'

/** The events between a socket and a node. `PROTOCOL.md` says in prose when each is sent and what must follow. */
export interface ClientToServer {
  subscribe(ask: SubscribeRequest, acknowledge: (answer: Subscribed | Refused) => void): void
  unsubscribe(room: Room, acknowledge: (answer: Done | Refused) => void): void
  recalled(ask: RecalledRequest, acknowledge: (answer: RecalledResponse | Refused) => void): void
  refresh(auth: unknown, acknowledge: (answer: Refreshed | Refused) => void): void
}

export interface ServerToClient {
  'messages-recalled'(batch: NoticeBatch): void
  gap(gap: Gap): void
  unsubscribed(unsubscribed: Unsubscribed): void
  goodbye(goodbye: Goodbye): void
}

export type SubscribeRequest = Room & {
  /** Where the client stopped. Without it, notices start from now. */
  readonly since?: Position
}

export type RecalledRequest = Conversation & {
  /** At most 1,000. */
  readonly seqs: readonly number[]
}

export interface RecalledResponse {
  readonly ok: true
  /** Those of the asked seqs that are recalled, with the time of their last recall in ms since 1970. */
  readonly recalled: readonly RecalledAt[]
}

export interface Subscribed {
  readonly ok: true
  readonly room: Room
  /** Where the socket stands once the `recovered` notices that follow have arrived. */
  readonly position: Position
  /** How many notices were missed and follow right after this answer. */
  readonly recovered: number
  /** Present when what was missed cannot be told: reload the conversation. Nothing is recovered then. */
  readonly gap?: GapReason
}

export interface Done {
  readonly ok: true
}

export interface Refreshed {
  readonly ok: true
  /** When the new credential ends, in ms since 1970. */
  readonly expiresAtMs: number
}

export interface Refused {
  readonly ok: false
  readonly code: ErrorCode
  readonly message: string
  /** Whether asking again, later, can help. */
  readonly retry: boolean
}

export interface NoticeBatch {
  readonly room: Room
  readonly epoch: string
  /** In order of offset, without a hole. Admins get `Notice`, members `MemberNotice`. */
  readonly notices: readonly (Notice | MemberNotice)[]
}

export interface Gap {
  readonly room: Room
  readonly reason: GapReason
  /** Where the room goes on. Reload the conversation, then continue from here. */
  readonly position: Position
}

/** The socket is not in the room any more: what granted it has ended, or was taken away. */
export interface Unsubscribed {
  readonly room: Room
  readonly code: ErrorCode
  readonly message: string
  /** Whether subscribing again, later, can help. */
  readonly retry: boolean
}

export interface Goodbye {
  readonly code: number
  readonly reason: string
  /** When to come back, in ms from now. */
  readonly retryInMs?: number
}

/** `data` of the `connect_error` that a refused handshake ends in. */
export interface HandshakeRefusal {
  readonly code: ErrorCode
  readonly retry: boolean
}
