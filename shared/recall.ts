import type { Conversation } from './conversation.ts'
import type { RecalledMessage } from './message.ts'

/** The latest time that a `Date` can hold, in ms since 1970. A recall is never later, whatever time its webhook names. */
export const MAX_DATE_MS = 8.64e15

/** Whether a `Date` can hold this time: whoever can write to Redis may store any number as one. */
export const isDate = (atMs: number): boolean => Math.abs(atMs) <= MAX_DATE_MS

/** One accepted recall webhook, in the gateway's own format. */
export type Recall = Conversation & {
  /** `Type` of a group's webhook, such as `Public` or `Community`. */
  readonly groupType?: string
  /** The user who recalled. Not necessarily the sender. Tencent names nobody outside of groups. */
  readonly operator?: string
  /** The user who sent the messages. Tencent names the sender in conversations of two only. */
  readonly sender?: string
  /** 1 to 1,000 messages, each once: with a `seq` in a group, with a `key` elsewhere. */
  readonly messages: readonly RecalledMessage[]
  /** When the recall happened, in ms since 1970. Equals `receivedAtMs` if Tencent sent no time. */
  readonly recalledAtMs: number
  /** Present if Tencent sent no time: `recalledAtMs` is then the gateway's clock. */
  readonly untimed?: true
  /** When the gateway received it, in ms since 1970. */
  readonly receivedAtMs: number
  /** Present if an admin or an operator made it to test the gateway: nothing was recalled. */
  readonly test?: true
  /**
   * The trace that the webhook began, as W3C Trace Context writes it, if it is traced: log lines have the id in it. Whatever a process of
   * another version wrote; ignore what cannot be read.
   */
  readonly traceparent?: string
  /** `OptPlatform` of the webhook, as sent. */
  readonly platform?: string
  /** `ClientIP` of the webhook, as sent. */
  readonly address?: string
}
