import type { Conversation } from '../conversation.ts'

/** What an admin has taken from a user for a while. */
export interface ListedRevocation {
  readonly userId: string
  /** Missing for everything: the user is disconnected. */
  readonly conversation?: Conversation
  /** When access returns, in ms since 1970. */
  readonly untilMs: number
  /** When that was ordered, in ms since 1970. Of several orders, the longest is listed. */
  readonly atMs: number
  /** Who ordered it. Missing if the audit does not know, for example of a process of an earlier version. */
  readonly admin?: string
}

/** `GET /v1/revocations`. */
export interface RevocationsResponse {
  readonly ok: true
  /** The latest order first, at most 1,000. */
  readonly revocations: readonly ListedRevocation[]
  /** How many more there are. Missing if there are none. */
  readonly omitted?: number
}

/** `DELETE /v1/revocations`. */
export interface AccessReturnedResponse {
  readonly ok: true
  /** How many orders that ended. 0: there was none about exactly this conversation, or about everything. */
  readonly returned: number
}
