import { isIdentifier } from '../../../shared/identifier.ts'

/** The fields of a recall webhook that the gateway uses, checked. */
export interface RecallWebhook {
  readonly GroupId: string
  readonly TopicId?: string
  readonly Type?: string
  readonly Operator_Account?: string
  readonly MsgSeqList: readonly { readonly MsgSeq: number; readonly MsgId?: string }[]
  readonly EventTime?: number
}

/**
 * Whether a body is a recall that needs no conversion, as nearly all are: the check of the schema costs more than the rest
 * of a webhook together. For any other body the schema says what it is, and what is wrong with it.
 */
export function isPlainRecall(body: unknown, entriesAtMost: number): body is RecallWebhook {
  if (!isRecord(body)) return false
  const { GroupId, TopicId, Type, Operator_Account: operator, MsgSeqList: entries, EventTime } = body
  return (
    typeof GroupId === 'string' &&
    isIdentifier(GroupId) &&
    isOptionalIdentifier(TopicId) &&
    isOptionalIdentifier(Type) &&
    isOptionalIdentifier(operator) &&
    isWhole(EventTime) &&
    Array.isArray(entries) &&
    entries.length > 0 &&
    entries.length <= entriesAtMost &&
    entries.every(
      (entry) => isRecord(entry) && isWhole(entry['MsgSeq']) && isOptionalIdentifier(entry['MsgId']),
    )
  )
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isOptionalIdentifier = (value: unknown): boolean =>
  value === undefined || (typeof value === 'string' && isIdentifier(value))

/** Below the greatest time of a `Date` as well as below 2^53. */
const isWhole = (value: unknown): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 8_640_000_000_000_000
