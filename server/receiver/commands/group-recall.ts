import { GatewayError } from '../../../shared/errors.ts'
import { isRecord } from '../../../shared/json.ts'
import { MAX_DATE_MS } from '../../../shared/recall.ts'
import type { RecalledMessage } from '../../../shared/message.ts'
import type { Recall } from '../../../shared/recall.ts'
import { ODD, TEXT_RULE, textOf, wholeNumberOf } from '../fields.ts'

export const RECALL_COMMAND = 'Group.CallbackAfterRecallMsg'

/**
 * Of one recall. A REST call recalls at most 10 messages, and an operator can recall a user's latest 1,000 in one action. A longer
 * list becomes several recalls.
 */
const MAX_MESSAGES = 1_000

/** Problems that a reason names; the rest is only counted. */
const MAX_NAMED = 5

/** What the gateway knows of a recall from outside the body. */
interface RequestContext {
  readonly receivedAtMs: number
  /** `OptPlatform` of the query. */
  readonly platform: string | undefined
  /** `ClientIP` of the query. */
  readonly address: string | undefined
}

interface Understood {
  /** One, unless there are more than 1,000 messages. */
  readonly recalls: readonly Recall[]
  /** Says what of the webhook is not in them, because it makes no sense. Undefined if all is. */
  readonly leftOut: string | undefined
}

/**
 * Turns the body of a webhook into recalls. What makes no sense is left out, as long as it is clear which messages of which
 * conversation were recalled. Otherwise throws WEBHOOK_MALFORMED, naming the fields.
 * Source: Tencent Cloud Chat, "Callback After Recalling Group Messages", documents 46979 and 269/73141.
 */
export function toRecalls(
  body: Readonly<Record<string, unknown>>,
  { receivedAtMs, platform, address }: RequestContext,
): Understood {
  const problems = new Problems()
  const group = textOf(body['GroupId'])
  const topic = textOf(body['TopicId'])
  // A seq means nothing without its conversation.
  const isAddressed = group !== undefined && group !== ODD && topic !== ODD
  if (group === undefined || group === ODD) problems.add(`"GroupId" ${TEXT_RULE}`)
  if (topic === ODD) problems.add(`"TopicId" ${TEXT_RULE}`)

  const messages = messagesOf(body['MsgSeqList'], problems)
  const optionalText = (name: string): string | undefined => {
    const text = textOf(body[name])
    if (text === ODD) problems.add(`"${name}" ${TEXT_RULE}`)
    return text === ODD ? undefined : text
  }
  const groupType = optionalText('Type')
  const operator = optionalText('Operator_Account')
  const eventTime = eventTimeOf(body['EventTime'])
  if (eventTime === ODD) problems.add(`"EventTime" must be a whole number from 1 to ${MAX_DATE_MS}`)

  if (!isAddressed || messages.length === 0) throw new GatewayError('WEBHOOK_MALFORMED', problems.text)
  const common = {
    group,
    ...(topic !== undefined && { topic }),
    ...(groupType !== undefined && { groupType }),
    ...(operator !== undefined && { operator }),
    ...(typeof eventTime === 'number'
      ? { recalledAtMs: eventTime }
      : { recalledAtMs: receivedAtMs, untimed: true as const }),
    receivedAtMs,
    ...(platform !== undefined && { platform }),
    ...(address !== undefined && { address }),
  }
  const recalls: Recall[] = []
  for (let i = 0; i < messages.length; i += MAX_MESSAGES)
    recalls.push({ ...common, messages: messages.slice(i, i + MAX_MESSAGES) })
  return { recalls, leftOut: problems.text }
}

function messagesOf(list: unknown, problems: Problems): RecalledMessage[] {
  if (!Array.isArray(list) || list.length === 0) {
    problems.add('"MsgSeqList" must be a list of at least one entry')
    return []
  }
  const bySeq = new Map<number, RecalledMessage>()
  for (const [i, entry] of (list as unknown[]).entries()) {
    const fields = isRecord(entry) ? entry : {}
    const seq = wholeNumberOf(fields['MsgSeq'], Number.MAX_SAFE_INTEGER)
    const id = textOf(fields['MsgId'])
    if (seq === ODD)
      problems.add(`"MsgSeqList[${i}].MsgSeq" must be a whole number from 1 to ${Number.MAX_SAFE_INTEGER}`)
    else if (!bySeq.has(seq)) bySeq.set(seq, typeof id === 'string' ? { seq, id } : { seq })
    if (id === ODD) problems.add(`"MsgSeqList[${i}].MsgId" ${TEXT_RULE}`)
  }
  return [...bySeq.values()]
}

/** Undefined if there is none: then nothing says when the recall happened. */
const eventTimeOf = (value: unknown): number | undefined | typeof ODD =>
  value === undefined || value === null || value === '' || value === 0 || value === '0'
    ? undefined
    : wholeNumberOf(value, MAX_DATE_MS)

/** Collects what is wrong with a webhook. */
class Problems {
  readonly #named: string[] = []
  #others = 0

  add(problem: string): void {
    if (this.#named.length < MAX_NAMED) this.#named.push(problem)
    else this.#others++
  }

  /** Undefined without problems. */
  get text(): string | undefined {
    if (this.#named.length === 0) return undefined
    return this.#named.join('; ') + (this.#others > 0 ? `; and ${this.#others} more` : '')
  }
}

/** Returns the webhook of a recall that was received earlier: the query without `Sign` and `RequestTime`, and the body. */
export function toWebhook(recall: Recall, app: string): { readonly query: string; readonly body: string } {
  const { group, topic, groupType, operator, messages, recalledAtMs, untimed, platform, address } = recall
  const query = new URLSearchParams({
    SdkAppid: app,
    CallbackCommand: RECALL_COMMAND,
    contenttype: 'json',
    ...(address !== undefined && { ClientIP: address }),
    ...(platform !== undefined && { OptPlatform: platform }),
  })
  const body = {
    CallbackCommand: RECALL_COMMAND,
    Operator_Account: operator,
    Type: groupType,
    GroupId: group,
    TopicId: topic,
    MsgSeqList: messages.map(({ seq, id }) => ({ MsgSeq: seq, MsgId: id })),
    EventTime: untimed ? undefined : recalledAtMs,
  }
  return { query: query.toString(), body: JSON.stringify(body) }
}
