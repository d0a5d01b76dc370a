import { asGatewayError, GatewayError } from '../../shared/errors.ts'
import type { Broker } from '../broker/broker.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { noOpinion, OK } from './responses.ts'
import type { WebhookResponse } from './responses.ts'
import { checkAuthenticity, createSignsAt } from './authenticity.ts'
import { toMembershipEnd } from './commands/membership.ts'
import type { MembershipEnd } from './commands/membership.ts'
import type { Quarantine } from './quarantine.ts'
import { isIdentifier } from '../../shared/identifier.ts'
import { RECALL_COMMAND, toRecall } from './commands/group-recall.ts'

/** The provider gives up after 2 s; 300 ms are left for the answer to travel. */
const ANSWER_TIMEOUT_MS = 1_700

export interface WebhookOptions {
  /** The app's `SdkAppid`, in digits. */
  readonly app: string
  /** One is enough; several while they are being rotated. Undefined where anybody may call. */
  readonly tokens: readonly string[] | undefined
}

interface WebhookDependencies {
  readonly broker: Broker
  readonly quarantine: Quarantine
  /** Tells all processes. */
  readonly announceMembershipEnd: (ended: MembershipEnd) => Promise<unknown>
  readonly metrics: Metrics
  readonly log: Logger
}

/** One POST of the provider, unchecked. */
export interface WebhookCall {
  readonly query: string
  readonly body: Buffer
  readonly receivedAtMs: number
}

/**
 * Takes one webhook from its raw bytes to its answer, in one order: app, authenticity, JSON, command, shape, keeping.
 * Rejects with the GatewayError that says what was wrong; NOT_KEPT means that the provider should try again.
 */
export function createWebhook(
  { app, tokens }: WebhookOptions,
  { broker, quarantine, announceMembershipEnd, metrics, log }: WebhookDependencies,
) {
  const signsAt = tokens && createSignsAt(tokens)

  return async function takeWebhook({ query, body, receivedAtMs }: WebhookCall): Promise<WebhookResponse> {
    const parameters = new URLSearchParams(query)
    const read = (name: string): string | undefined => parameters.get(name) ?? undefined

    if (read('SdkAppid') !== app) throw new GatewayError('APP_NOT_OURS')
    const signature = { sign: read('Sign'), requestTime: read('RequestTime') }
    const verdict = signsAt ? checkAuthenticity(signature, signsAt, receivedAtMs) : 'genuine'
    if (verdict !== 'genuine')
      throw new GatewayError(verdict === 'forged' ? 'WEBHOOK_FORGED' : 'WEBHOOK_STALE')

    try {
      const fields = parseBody(body)
      const command = checkCommand(fields, read('CallbackCommand'))
      if (command !== RECALL_COMMAND) {
        const ended = toMembershipEnd(command, fields)
        // Not waited for: it only makes known sooner what would be noticed anyway.
        if (ended)
          announceMembershipEnd(ended).catch((err: unknown) =>
            log.warn({ err }, 'the end of a membership could not be announced'),
          )
        return noOpinion(command, fields)
      }

      const circumstances = {
        receivedAtMs,
        platform: printable(read('OptPlatform')),
        address: printable(read('ClientIP')),
      }
      const recall = toRecall(fields, circumstances)
      const left = receivedAtMs + ANSWER_TIMEOUT_MS - Date.now()
      const published = await broker.publish(recall, Math.max(left, 0)).catch((cause: unknown) => {
        throw new GatewayError('NOT_KEPT', undefined, { cause })
      })
      metrics.recallKept(published.spooled ? 'spool' : 'broker', published.duplicate)
      // Counted anyway; a line for each would cost as much as keeping it.
      log.debug({ group: recall.group, topic: recall.topic, duplicate: published.duplicate }, 'recall kept')
      return OK
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code === 'WEBHOOK_MALFORMED') {
        await putAside(quarantine, log, {
          receivedAtMs,
          query: withoutProof(parameters),
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
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new GatewayError('WEBHOOK_MALFORMED', 'the body is not a JSON object')
  }
  return value as Record<string, unknown>
}

function checkCommand(fields: Record<string, unknown>, asked: string | undefined): string {
  const command = fields['CallbackCommand']
  if (typeof command !== 'string' || command === '') {
    throw new GatewayError('WEBHOOK_MALFORMED', '"CallbackCommand" of the body must be text')
  }
  if (command !== asked) {
    throw new GatewayError('WEBHOOK_MALFORMED', '"CallbackCommand" of the query is not that of the body')
  }
  return command
}

/** A hint for people only: one that is not printable is dropped rather than a recall lost for it. */
const printable = (text: string | undefined): string | undefined =>
  text !== undefined && isIdentifier(text) ? text : undefined

function withoutProof(parameters: URLSearchParams): string {
  const rest = new URLSearchParams(parameters)
  rest.delete('Sign')
  return rest.toString()
}

async function putAside(
  quarantine: Quarantine,
  log: Logger,
  request: Parameters<Quarantine['keep']>[0],
): Promise<void> {
  log.warn({ reason: request.reason }, 'authentic webhook not understood, put into the quarantine')
  await quarantine
    .keep(request)
    .catch((err: unknown) => log.error({ err }, 'quarantine could not be written'))
}
