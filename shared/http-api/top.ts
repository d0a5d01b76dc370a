import type { Conversation } from '../conversation.ts'
import type { SearchResponse } from './search.ts'

/** How much was recalled. */
export interface Recalled {
  readonly recalls: number
  readonly messages: number
}

/** `GET /v1/top`: where, and by whom, most was recalled; by number of messages, the most first. Without tests. */
export interface TopResponse {
  readonly ok: true
  /** From when on recalls count, in ms since 1970. */
  readonly sinceMs: number
  /** How much of the feed was looked at. */
  readonly searched: SearchResponse['searched']
  /**
   * Whether that is all since `sinceMs`: the feed may be longer than what is looked at, not reach back so far, or have entries that nobody
   * can read.
   */
  readonly complete: boolean
  /** When the store kept the oldest entry of the feed, in ms since 1970; null if it holds none. */
  readonly keptSinceMs: number | null
  readonly groups: readonly ({ readonly group: string } & Recalled)[]
  readonly operators: readonly ({ readonly operator: string } & Recalled)[]
  /** The conversations in which something was recalled last, tests included, the latest first: suggestions for who looks for one. */
  readonly conversations: readonly Conversation[]
}
