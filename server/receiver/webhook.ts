import { asGatewayError, GatewayError } from '../../shared/errors.ts'
import { isIdentifier } from '../../shared/identifier.ts'
import { isRecord } from '../../shared/json.ts'
import type { Broker } from '../broker/broker.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { checkAuthenticity, createExpectedSigns } from './authenticity.ts'
import { RECALL_COMMAND, toRecall } from './commands/group-recall.ts'
import { toMembershipEnd } from './commands/membership.ts'
import type { MembershipEnd } from './commands/membership.ts'
import type { Quarantine, QuarantinedRequest } from './quarantine.ts'
import { noOpinion, OK } from './responses.ts'
import type { WebhookResponse } from './responses.ts'

/** Tencent gives up after 2 s; this leaves 300 ms for the response to travel. */
const RESPONSE_TIMEOUT_MS = 1_700

export interface WebhookOptions {
  /** The app's `SdkAppid`, in digits. */
  readonly app: string
  /** Tokens of the webhook authentication; several during a rotation. Undefined accepts webhooks from anyone. */
  readonly tokens: readonly string[] | undefined
}

export interface WebhookDependencies {
  readonly broker: Broker
  readonly quarantine: Quarantine
  /** Announces to all processes that memberships ended. */
  readonly announceMembershipEnd: (ended: MembershipEnd) => Promise<unknown>
  readonly metrics: Metrics
  readonly log: Logger
}

/** One POST from Tencent, unchecked. */
interface WebhookCall {
  readonly query: string
  readonly body: Buffer
  readonly receivedAtMs: number
}

/**
 * Resolves to the response. Rejects with a GatewayError that says what is wrong with the call; NOT_KEPT means that Tencent
 * should retry.
 */
export type HandleWebhook = (call: WebhookCall) => Promise<WebhookResponse>

/** Handles a webhook from raw bytes to response, in one order: app, authenticity, JSON, command, shape, storage. */
export function createWebhook(
  { app, tokens }: WebhookOptions,
  { broker, quarantine, announceMembershipEnd, metrics, log }: WebhookDependencies,
): HandleWebhook {
  const expectedSigns = tokens && createExpectedSigns(tokens)

  return async function handleWebhook({ query, body, receivedAtMs }) {
    const parameters = new URLSearchParams(query)
    const parameter = (name: string): string | undefined => parameters.get(name) ?? undefined

    if (parameter('SdkAppid') !== app) throw new GatewayError('APP_NOT_OURS')
    const signature = { sign: parameter('Sign'), requestTime: parameter('RequestTime') }
    const verdict = expectedSigns ? checkAuthenticity(signature, expectedSigns, receivedAtMs) : 'genuine'
    if (verdict !== 'genuine')
      throw new GatewayError(verdict === 'forged' ? 'WEBHOOK_FORGED' : 'WEBHOOK_STALE')

    try {
      const fields = parseBody(body)
      const command = commandOf(fields, parameter('CallbackCommand'))
      if (command !== RECALL_COMMAND) {
        const ended = toMembershipEnd(command, fields)
        // Not awaited: cached memberships expire anyway, only later.
        if (ended)
          announceMembershipEnd(ended).catch((err: unknown) =>
            log.warn({ err }, 'cannot announce the end of a membership'),
          )
        return noOpinion(command, fields)
      }

      const recall = toRecall(fields, {
        receivedAtMs,
        platform: printable(parameter('OptPlatform')),
        address: printable(parameter('ClientIP')),
      })
      const leftMs = receivedAtMs + RESPONSE_TIMEOUT_MS - Date.now()
      const published = await broker.publish(recall, Math.max(leftMs, 0)).catch((cause: unknown) => {
        throw new GatewayError('NOT_KEPT', undefined, { cause })
      })
      metrics.recallStored(published.spooled ? 'spool' : 'broker', published.duplicate)
      // At debug: the metric counts each recall, and a line for each would cost as much as storing it.
      log.debug({ group: recall.group, topic: recall.topic, duplicate: published.duplicate }, 'recall stored')
      return OK
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code === 'WEBHOOK_MALFORMED') {
        await addToQuarantine(quarantine, log, {
          receivedAtMs,
          query: withoutSign(parameters),
          body: body.toString(),
          reason: asGatewayError(error).message,
        })
      }
      throw error
    }
  }
}

function parseBody(body: Buffer): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(body.toString())
  } catch {
    throw new GatewayError('WEBHOOK_MALFORMED', 'the body is not JSON')
  }
  if (!isRecord(value)) throw new GatewayError('WEBHOOK_MALFORMED', 'the body is not a JSON object')
  return value
}

/** Returns the command, which the query must repeat. */
function commandOf(fields: Record<string, unknown>, commandOfQuery: string | undefined): string {
  const command = fields['CallbackCommand']
  if (typeof command !== 'string' || command === '') {
    throw new GatewayError('WEBHOOK_MALFORMED', '"CallbackCommand" of the body must be text')
  }
  if (command !== commandOfQuery) {
    throw new GatewayError(
      'WEBHOOK_MALFORMED',
      '"CallbackCommand" of the query differs from that of the body',
    )
  }
  return command
}

/** Drops a value that is not printable: it is only informational, and not worth losing a recall over. */
const printable = (text: string | undefined): string | undefined =>
  text !== undefined && isIdentifier(text) ? text : undefined

function withoutSign(parameters: URLSearchParams): string {
  const rest = new URLSearchParams(parameters)
  rest.delete('Sign')
  return rest.toString()
}

async function addToQuarantine(
  quarantine: Quarantine,
  log: Logger,
  request: QuarantinedRequest,
): Promise<void> {
  log.warn({ reason: request.reason }, 'authentic webhook not understood, quarantined')
  await quarantine.add(request).catch((err: unknown) => log.error({ err }, 'cannot write to the quarantine'))
}
