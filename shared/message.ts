/** A message of a group, as far as a recall names it. */
export interface NumberedMessage {
  /** Tencent's `MsgSeq`, which counts within a conversation: 1 to 2^53-1. */
  readonly seq: number
  /** Tencent's `MsgId`, equal to `message.ID` in its web SDK. Always a string: its first part exceeds 2^53. */
  readonly id?: string
  readonly key?: undefined
}

/** A message of a conversation of two or of an official account, as far as a recall names it. */
export interface KeyedMessage {
  /** Tencent's `MsgKey`: of a conversation of two `<MsgSeq>_<MsgRandom>_<MsgTime>`. */
  readonly key: string
  readonly seq?: undefined
  readonly id?: undefined
}

/** One recalled message. */
export type RecalledMessage = NumberedMessage | KeyedMessage

/** What tells a message from the others of its conversation: its `seq`, a number, or its `key`, a text. */
export type MessageName = number | string

export const nameOf = ({ seq, key }: RecalledMessage): MessageName => seq ?? key

/** A message in the recalled set of a conversation. */
export type RecalledAt = (
  | {
      /** Its `MsgSeq`. */
      readonly seq: number
      readonly key?: undefined
    }
  | {
      /** Its `MsgKey`. */
      readonly key: string
      readonly seq?: undefined
    }
) & {
  /** When it was last recalled, in ms since 1970. */
  readonly atMs: number
}

export const toRecalledAt = (name: MessageName, atMs: number): RecalledAt =>
  typeof name === 'number' ? { seq: name, atMs } : { key: name, atMs }
