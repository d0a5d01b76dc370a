/** The latest time that a `Date` can hold, in ms since 1970. A recall is never later, whatever time its webhook names. */
export const MAX_DATE_MS = 8.64e15

/** One recalled message. */
export interface RecalledMessage {
  /** Tencent's `MsgSeq`, which counts within a conversation: 1 to 2^53-1. */
  readonly seq: number
  /** Tencent's `MsgId`, equal to `message.ID` in its web SDK. Always a string: its first part exceeds 2^53. */
  readonly id?: string
}

/** A group, or one topic of a community group. `MsgSeq` counts within it. */
export interface Conversation {
  readonly group: string
  /** Undefined counts as absent, so that apps can pass what they have. */
  readonly topic?: string | undefined
}

/** A message in the recalled set of a conversation. */
export interface RecalledAt {
  readonly seq: number
  /** When it was last recalled, in ms since 1970. */
  readonly atMs: number
}

/** One accepted recall webhook, in the gateway's own format. */
export interface Recall extends Conversation {
  /** Absent, never undefined: what stores and sends recalls tells the two apart. */
  readonly topic?: string
  /** `Type` of the webhook, such as `Public` or `Community`. */
  readonly groupType?: string
  /** The user who recalled. Not necessarily the sender; the webhook never names the sender. */
  readonly operator?: string
  /** 1 to 1,000 messages, each seq once. */
  readonly messages: readonly RecalledMessage[]
  /** When the recall happened, in ms since 1970. Equals `receivedAtMs` if Tencent sent no time. */
  readonly recalledAtMs: number
  /** Present if Tencent sent no time: `recalledAtMs` is then the gateway's clock. */
  readonly untimed?: true
  /** When the gateway received it, in ms since 1970. */
  readonly receivedAtMs: number
  /** `OptPlatform` of the webhook, as sent. */
  readonly platform?: string
  /** `ClientIP` of the webhook, as sent. */
  readonly address?: string
}
