import Joi from 'joi'
import { GatewayError } from '../../../shared/errors.ts'
import { isIdentifier } from '../../../shared/identifier.ts'
import { isRecord } from '../../../shared/json.ts'
import { MAX_DATE_MS } from '../../../shared/recall.ts'
import type { Recall, RecalledMessage } from '../../../shared/recall.ts'
import { identifier, validate } from '../../lib/schema.ts'

export const RECALL_COMMAND = 'Group.CallbackAfterRecallMsg'

/** A REST call recalls at most 10 messages; an operator can recall a user's latest 1,000 in one action. */
const MAX_MESSAGES = 1_000

/** The fields of a recall webhook that the gateway uses, validated. */
interface RecallWebhook {
  readonly GroupId: string
  readonly TopicId?: string
  readonly Type?: string
  readonly Operator_Account?: string
  readonly MsgSeqList: readonly { readonly MsgSeq: number; readonly MsgId?: string }[]
  readonly EventTime?: number
}

/** What the gateway knows of a recall from outside the body. */
interface RequestContext {
  readonly receivedAtMs: number
  /** `OptPlatform` of the query. */
  readonly platform: string | undefined
  /** `ClientIP` of the query. */
  readonly address: string | undefined
}

/**
 * Turns the body of a webhook into a recall. Throws WEBHOOK_MALFORMED, naming the invalid fields.
 * Source: Tencent Cloud Chat, "Callback After Recalling Group Messages", documents 46979 and 269/73141.
 */
export function toRecall(body: unknown, { receivedAtMs, platform, address }: RequestContext): Recall {
  const webhook = isPlainRecall(body) ? body : validateRecall(body)
  return {
    group: webhook.GroupId,
    ...(webhook.TopicId !== undefined && { topic: webhook.TopicId }),
    ...(webhook.Type !== undefined && { groupType: webhook.Type }),
    ...(webhook.Operator_Account !== undefined && { operator: webhook.Operator_Account }),
    messages: withoutDuplicates(webhook.MsgSeqList),
    ...(webhook.EventTime === undefined
      ? { recalledAtMs: receivedAtMs, untimed: true }
      : { recalledAtMs: webhook.EventTime }),
    receivedAtMs,
    ...(platform !== undefined && { platform }),
    ...(address !== undefined && { address }),
  }
}

function withoutDuplicates(list: RecallWebhook['MsgSeqList']): RecalledMessage[] {
  const bySeq = new Map<number, RecalledMessage>()
  for (const { MsgSeq: seq, MsgId: id } of list) {
    if (!bySeq.has(seq)) bySeq.set(seq, id === undefined ? { seq } : { seq, id })
  }
  return [...bySeq.values()]
}

/**
 * The fast path: whether a body needs no conversion, as nearly all do not. Validating it with the schema would cost more
 * than everything else done for the webhook. Any other body, valid or not, is left to the schema.
 */
export function isPlainRecall(body: unknown): body is RecallWebhook {
  if (!isRecord(body)) return false
  const { GroupId, TopicId, Type, Operator_Account: operator, MsgSeqList: entries, EventTime } = body
  return (
    typeof GroupId === 'string' &&
    isIdentifier(GroupId) &&
    isOptionalIdentifier(TopicId) &&
    isOptionalIdentifier(Type) &&
    isOptionalIdentifier(operator) &&
    isPlainNumber(EventTime) &&
    Array.isArray(entries) &&
    entries.length > 0 &&
    entries.length <= MAX_MESSAGES &&
    entries.every(
      (entry) => isRecord(entry) && isPlainNumber(entry['MsgSeq']) && isOptionalIdentifier(entry['MsgId']),
    )
  )
}

const isOptionalIdentifier = (value: unknown): boolean =>
  value === undefined || (typeof value === 'string' && isIdentifier(value))

/** Stays below the limits of both `EventTime` and `MsgSeq`: 2^53 is the larger one. */
const isPlainNumber = (value: unknown): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_DATE_MS

/** Accepts a field that is missing or empty. */
const optional = (schema: Joi.Schema): Joi.Schema => schema.empty(Joi.valid(null, ''))

/** Accepts a number, or the same in digits: the documents show both. */
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

function validateRecall(body: unknown): RecallWebhook {
  // Checked before joi, which would validate every entry of a list of any length, and block the process meanwhile.
  const entries = isRecord(body) ? body['MsgSeqList'] : undefined
  if (Array.isArray(entries) && entries.length > MAX_MESSAGES) {
    throw new GatewayError('WEBHOOK_MALFORMED', `"MsgSeqList" must contain at most ${MAX_MESSAGES} entries`)
  }
  return validate(recallWebhookSchema, body, 'WEBHOOK_MALFORMED')
}
