/** The latest time that a `Date` can hold, in ms since 1970. A recall is never later, whatever time its webhook names. */
export const MAX_DATE_MS = 8.64e15

/** One recalled message. */
export interface RecalledMessage {
  /** `MsgSeq` of the message in its conversation, 1 to 2^53-1. */
  readonly seq: number
  /** `MsgId`, equal to `message.ID` of the provider's web SDK. A string always: its first part exceeds 2^53. */
  readonly id?: string
}

/** Where `MsgSeq` counts: a group, or one topic of a community group. */
export interface Conversation {
  readonly group: string
  readonly topic?: string
}

/** A message of the recalled set. */
export interface RecalledAt {
  readonly seq: number
  /** When it was recalled last, in ms since 1970. */
  readonly atMs: number
}

/** One accepted recall webhook, in the gateway's own shape. */
export interface Recall extends Conversation {
  readonly groupType?: string
  /** Who recalled. Need not be the sender, whom the webhook never names. */
  readonly operator?: string
  /** At least one, at most 1,000, each seq once. */
  readonly messages: readonly RecalledMessage[]
  /** When the recall happened, in ms since 1970; `receivedAtMs` when the provider did not say. */
  readonly recalledAtMs: number
  /** Present and true when the provider named no time and `recalledAtMs` is our own clock. */
  readonly untimed?: true
  /** When the gateway received it, in ms since 1970. */
  readonly receivedAtMs: number
  /** `OptPlatform` of the webhook, as sent. */
  readonly platform?: string
  /** `ClientIP` of the webhook, as sent. */
  readonly address?: string
}
