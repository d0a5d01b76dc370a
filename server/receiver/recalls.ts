import { GatewayError } from '../../shared/errors.ts'
import { MAX_DATE_MS } from '../../shared/recall.ts'
import type { Recall } from '../../shared/recall.ts'
import type { RecallCommand } from './commands/recall-command.ts'
import { RECALL_COMMANDS } from './commands/recall-commands.ts'
import { Fields } from './fields.ts'

/**
 * Of one recall. A REST call recalls at most 10 messages, and an operator can recall a user's latest 1,000 in one action. A longer
 * list becomes several recalls.
 */
const MAX_MESSAGES = 1_000

/** What the gateway knows of a recall from outside the body. */
interface RequestContext {
  readonly receivedAtMs: number
  /** Whether it was made to test the gateway. */
  readonly isTest?: boolean
  /** `OptPlatform` of the query. */
  readonly platform: string | undefined
  /** `ClientIP` of the query. */
  readonly address: string | undefined
  /** See `Recall`. */
  readonly traceparent?: string | undefined
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
 */
export function toRecalls(
  command: RecallCommand,
  body: Readonly<Record<string, unknown>>,
  { receivedAtMs, isTest = false, platform, address, traceparent }: RequestContext,
): Understood {
  const fields = new Fields(body)
  const { conversation, messages, details } = command.read(fields)
  const namedTime = fields.time('EventTime', MAX_DATE_MS)
  // Whoever knows a token can mark a call as a test. What is really recalled afterwards must not pass for a repeat of it.
  const eventTime = isTest && namedTime !== undefined ? Math.min(namedTime, receivedAtMs) : namedTime
  const { problems } = fields
  if (conversation === undefined || messages.length === 0)
    throw new GatewayError('WEBHOOK_MALFORMED', problems)
  const recalls: Recall[] = []
  for (let i = 0; i < messages.length; i += MAX_MESSAGES)
    recalls.push({
      // V8 adds to what was spread first one property at a time, which takes a microsecond each; the other way round, almost
      // nothing.
      messages: messages.slice(i, i + MAX_MESSAGES),
      recalledAtMs: eventTime ?? receivedAtMs,
      receivedAtMs,
      ...conversation,
      ...details,
      ...(eventTime === undefined && { untimed: true }),
      ...(isTest && { test: true }),
      ...(platform !== undefined && { platform }),
      ...(address !== undefined && { address }),
      ...(traceparent !== undefined && { traceparent }),
    })
  return { recalls, leftOut: problems }
}

/** Marks the webhook of a recall in the quarantine that was a test. Tencent's have no such parameter. */
export const TEST_PARAMETER = 'RecallGatewayTest'

/** Returns the webhook of a recall that was received earlier: the query without `Sign` and `RequestTime`, and the body. */
export function toWebhook(recall: Recall, app: string): { readonly query: string; readonly body: string } {
  const { recalledAtMs, untimed, test, platform, address } = recall
  const [CallbackCommand, fields] = told(recall)
  const query = new URLSearchParams({
    SdkAppid: app,
    CallbackCommand,
    contenttype: 'json',
    ...(address !== undefined && { ClientIP: address }),
    ...(platform !== undefined && { OptPlatform: platform }),
    ...(test && { [TEST_PARAMETER]: 'true' }),
  })
  const body = { CallbackCommand, ...fields, EventTime: untimed ? undefined : recalledAtMs }
  return { query: query.toString(), body: JSON.stringify(body) }
}

/** Returns the command that told of a recall, and the fields of its body. */
function told(recall: Recall): [name: string, fields: Readonly<Record<string, unknown>>] {
  for (const command of RECALL_COMMANDS) {
    const fields = command.write(recall)
    if (fields !== undefined) return [command.name, fields]
  }
  throw new Error('no command tells of such a recall')
}
