import type { ErrorCode } from './errors.ts'
import type { MemberNotice, Notice } from './notice.ts'
import type { GapReason, Position } from './position.ts'
import type { C2cConversation, GroupConversation, OfficialConversation } from './conversation.ts'
import type { RecalledAt } from './message.ts'
import type { Room } from './room.ts'

/** The events between a client and a node. `PROTOCOL.md` specifies when each is sent and what must follow. */
export interface ClientToServer {
  subscribe(request: SubscribeRequest, ack: (response: Subscribed | Refused) => void): void
  unsubscribe(room: Room, ack: (response: Done | Refused) => void): void
  recalled(request: RecalledRequest, ack: (response: RecalledResponse | Refused) => void): void
  refresh(auth: unknown, ack: (response: Refreshed | Refused) => void): void
}

export interface ServerToClient {
  hello(hello: Hello): void
  subscribed(subscribed: OpeningAnswer): void
  delivery(delivery: Delivery): void
  'messages-recalled'(batch: NoticeBatch): void
  gap(gap: Gap): void
  unsubscribed(unsubscribed: Unsubscribed): void
  goodbye(goodbye: Goodbye): void
}

export type SubscribeRequest = Room & {
  /** The client's position. Without it, notices start from now. */
  readonly since?: Position
}

/** Messages of a group by their seqs, or of any other conversation by their keys. */
export type RecalledRequest =
  | (GroupConversation & {
      /** 1 to 1,000. */
      readonly seqs: readonly number[]
      readonly keys?: undefined
    })
  | ((C2cConversation | OfficialConversation) & {
      /** 1 to 1,000. */
      readonly keys: readonly string[]
      readonly seqs?: undefined
    })

export interface RecalledResponse {
  readonly ok: true
  /** Those of the requested messages that are recalled, with the time of their last recall. */
  readonly recalled: readonly RecalledAt[]
}

export interface Subscribed {
  readonly ok: true
  readonly room: Room
  /** The client's position after the `recovered` notices that follow; with a gap, before them. */
  readonly position: Position
  /** The number of notices that follow this response. */
  readonly recovered: number
  /** Present if missed notices may no longer be available: reload the conversation. */
  readonly gap?: GapReason
}

/** The answer to a subscribe request that came with the handshake. */
export interface OpeningAnswer {
  /** Which of them, from 0. */
  readonly index: number
  readonly answer: Subscribed | Refused
}

export interface Done {
  readonly ok: true
}

export interface Refreshed {
  readonly ok: true
  /** When the new credential expires, in ms since 1970 by the node's clock. */
  readonly expiresAtMs: number
  /** The same as a duration in ms from now, which does not depend on the client's clock. */
  readonly expiresInMs: number
}

export interface Refused {
  readonly ok: false
  readonly code: ErrorCode
  readonly message: string
  /** Whether the same request may succeed later. */
  readonly retry: boolean
}

export interface NoticeBatch {
  readonly room: Room
  readonly epoch: string
  /** In order of offset, without a hole. Admins receive `Notice`, members `MemberNotice`. */
  readonly notices: readonly (Notice | MemberNotice)[]
}

export interface Gap {
  readonly room: Room
  readonly reason: GapReason
  /** The next notice follows this position. Reload the conversation, and continue from here. */
  readonly position: Position
}

/** The socket is no longer in the room: its grant expired or was revoked. */
export interface Unsubscribed {
  readonly room: Room
  readonly code: ErrorCode
  readonly message: string
  /** Whether a later `subscribe` may succeed. */
  readonly retry: boolean
}

/** The first event of a connection. */
export interface Hello {
  /** When the credential expires, in ms from now. */
  readonly expiresInMs: number
  /** If nothing at all arrives for this many ms, the connection is dead. */
  readonly silenceMs: number
  /** The version of the protocol that the node speaks. Missing: version 1. */
  readonly protocolVersion?: number
  /** How many requests of `auth.subscribe` the node serves: all of them. Missing: none, or there were none. */
  readonly subscribing?: number
}

/**
 * Whether the node can prove that notices reach it: as a whole, or in `rooms`. A room is proved if neither the node nor the
 * room is in doubt.
 */
export type Delivery =
  | { readonly proved: true; readonly rooms?: readonly Room[] }
  | {
      readonly proved: false
      /** How long ago delivery was last proved, in ms. Notices stored since then may be missing. */
      readonly doubtMs: number
      /** One sentence for people. */
      readonly reason: string
      readonly rooms?: readonly Room[]
    }

/** Why the node is about to close the connection, and what to do next. */
export interface Goodbye {
  /** 4000 to 4499: reconnect. 4500 to 4999: stay away until a person has acted. */
  readonly code: number
  /** For people. */
  readonly reason: string
  /** When to reconnect, in ms from now. */
  readonly retryInMs?: number
}

/** `data` of the `connect_error` of a refused handshake. */
export interface HandshakeRefusal {
  readonly code: ErrorCode
  readonly retry: boolean
}
