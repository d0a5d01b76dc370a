import type { Conversation } from '../../../shared/recall.ts'

/** What someone who knows said of a membership. */
export interface Verdict {
  readonly allowed: boolean
  /** For how long that holds, in s, if it was said. */
  readonly forS?: number
}

/** Asks whether a user may be in the room of a conversation. Rejects when nobody could tell. */
export type AskMembership = (userId: string, conversation: Conversation) => Promise<Verdict>
