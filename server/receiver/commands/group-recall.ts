import Joi from 'joi'
import { GatewayError } from '../../../shared/errors.ts'
import { isRecord } from '../../../shared/json.ts'
import { MAX_DATE_MS } from '../../../shared/recall.ts'
import type { Recall, RecalledMessage } from '../../../shared/recall.ts'
import { identifier } from '../../lib/schema.ts'
import { isIdentifier } from '../../../shared/identifier.ts'

export const RECALL_COMMAND = 'Group.CallbackAfterRecallMsg'

/** REST recalls name at most 10 messages; an operator can recall a user's latest 1,000 in one go. */
const MAX_MESSAGES = 1_000

/** A field that the provider may leave out, or send without a value. */
const optional = (schema: Joi.Schema): Joi.Schema => schema.empty(Joi.valid(null, ''))

/** A number, or the same in digits: the documents show both. */
const wholeNumber = (max: number): Joi.Schema =>
  Joi.alternatives(
    Joi.number().strict().integer().min(1).max(max),
    Joi.string()
      .pattern(/^\d{1,16}$/)
      .custom((digits: string, helpers) => {
        const value = Number(digits)
        return value >= 1 && value <= max ? value : helpers.error('any.invalid')
      }),
  ).messages({ 'alternatives.match': `{{#label}} must be a whole number from 1 to ${max}` })

const recallWebhookSchema = Joi.object<RecallWebhook>({
  GroupId: identifier.required(),
  TopicId: optional(identifier),
  Type: optional(identifier),
  Operator_Account: optional(identifier),
  MsgSeqList: Joi.array()
    .items(
      Joi.object({
        MsgSeq: wholeNumber(Number.MAX_SAFE_INTEGER).required(),
        MsgId: optional(identifier),
      }).unknown(),
    )
    .min(1)
    .max(MAX_MESSAGES)
    .required(),
  EventTime: wholeNumber(MAX_DATE_MS).empty(Joi.valid(null, '', 0, '0')),
}).unknown()

/** What the gateway knows of a recall from outside its body. */
interface RequestContext {
  readonly receivedAtMs: number
  /** `OptPlatform` and `ClientIP` of the query. */
  readonly platform: string | undefined
  readonly address: string | undefined
}

/**
 * The recall that a webhook body tells of. Rejects with WEBHOOK_MALFORMED, naming every field that is wrong.
 * Source: Tencent Cloud Chat, "Callback After Recalling Group Messages", documents 46979 and 269/73141.
 */
export function toRecall(body: unknown, { receivedAtMs, platform, address }: RequestContext): Recall {
  const value = isPlainRecall(body, MAX_MESSAGES) ? body : check(body)
  return {
    group: value.GroupId,
    ...(value.TopicId !== undefined && { topic: value.TopicId }),
    ...(value.Type !== undefined && { groupType: value.Type }),
    ...(value.Operator_Account !== undefined && { operator: value.Operator_Account }),
    messages: eachOnce(value.MsgSeqList),
    ...(value.EventTime === undefined
      ? { recalledAtMs: receivedAtMs, untimed: true }
      : { recalledAtMs: value.EventTime }),
    receivedAtMs,
    ...(platform !== undefined && { platform }),
    ...(address !== undefined && { address }),
  }
}

function check(body: unknown): RecallWebhook {
  // Before joi looks at each entry: a list of any length would keep it, and this process, busy.
  const entries = typeof body === 'object' && body !== null && 'MsgSeqList' in body ? body.MsgSeqList : []
  if (Array.isArray(entries) && entries.length > MAX_MESSAGES) {
    throw new GatewayError('WEBHOOK_MALFORMED', `"MsgSeqList" must hold at most ${MAX_MESSAGES} entries`)
  }
  const { value, error } = recallWebhookSchema.validate(body, { abortEarly: false })
  if (error === undefined) return value
  throw new GatewayError(
    'WEBHOOK_MALFORMED',
    error.details
      .slice(0, 5)
      .map((detail) => detail.message)
      .join('; '),
  )
}

function eachOnce(list: RecallWebhook['MsgSeqList']): RecalledMessage[] {
  const bySeq = new Map<number, RecalledMessage>()
  for (const { MsgSeq: seq, MsgId: id } of list) {
    if (!bySeq.has(seq)) bySeq.set(seq, id === undefined ? { seq } : { seq, id })
  }
  return [...bySeq.values()]
}

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

const isOptionalIdentifier = (value: unknown): boolean =>
  value === undefined || (typeof value === 'string' && isIdentifier(value))

/** Below the greatest time of a `Date` as well as below 2^53. */
const isWhole = (value: unknown): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_DATE_MS
