import { conversationOf } from '../../shared/conversation.ts'
import { asGatewayError, GatewayError } from '../../shared/errors.ts'
import { isIdentifier } from '../../shared/identifier.ts'
import { isRecord } from '../../shared/json.ts'
import type { Recall } from '../../shared/recall.ts'
import type { Broker } from '../broker/broker.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { decodeBody } from './body.ts'
import type { WebhookQuery } from './caller.ts'
import { toMembershipEnd } from './commands/membership.ts'
import type { MembershipEnd } from './commands/membership.ts'
import type { RecallCommand } from './commands/recall-command.ts'
import { recallCommand } from './commands/recall-commands.ts'
import { encodeBody } from './quarantine.ts'
import type { Quarantine } from './quarantine.ts'
import { toRecalls } from './recalls.ts'
import { noOpinion, OK } from './responses.ts'
import type { WebhookResponse } from './responses.ts'

/** Tencent gives up after 2 s; this leaves 300 ms for the response to travel. */
const RESPONSE_TIMEOUT_MS = 1_700
/** For a recall whose body took long to arrive: nobody may be waiting for the response any more, but the recall counts. */
const MIN_STORE_TIMEOUT_MS = 1_000
/** Webhooks whose disk hangs are held in memory. */
const MAX_BEING_SET_ASIDE = 1_000

export interface WebhookDependencies {
  readonly broker: Pick<Broker, 'publish' | 'endGroup'>
  readonly quarantine: Pick<Quarantine, 'add'>
  /** Announces to all processes that memberships ended, in the background. */
  readonly announceEnd: (ended: MembershipEnd) => void
  readonly metrics: Pick<Metrics, 'recallStored'>
  readonly log: Logger
}

/** One POST from Tencent; someone who knows a token made it. */
interface WebhookCall {
  readonly query: WebhookQuery
  readonly body: Buffer
  readonly contentType: string | undefined
  readonly receivedAtMs: number
  /** The same by `performance.now()`: the clock may be set while the provider waits. */
  readonly startedMs: number
  /** Whether it comes from the quarantine, and stays there if it is refused. */
  readonly isReplay: boolean
}

/**
 * Resolves to the response. Rejects with a GatewayError that says what is wrong with the call; NOT_KEPT means that Tencent
 * should retry.
 */
export type HandleWebhook = (call: WebhookCall) => Promise<WebhookResponse>

/** Handles an authentic webhook from raw bytes to response, in one order: text, JSON, command, shape, storage. */
export function createWebhook({
  broker,
  quarantine,
  announceEnd,
  metrics,
  log,
}: WebhookDependencies): HandleWebhook {
  /** How many webhooks are being written to the quarantine. */
  let beingSetAside = 0

  return async function handleWebhook(call) {
    const { query, body, contentType } = call
    let fields: Record<string, unknown> = {}
    try {
      fields = parseBody(decodeBody(body, contentType))
      const command = commandOf(fields, query.get('CallbackCommand'))
      const recalling = recallCommand(command)
      if (recalling === undefined) {
        const ended = toMembershipEnd(command, fields, call.receivedAtMs)
        if (ended) announceEnd(ended)
        if (ended?.dismissedAtMs !== undefined)
          await broker.endGroup(ended.group, ended.dismissedAtMs).catch((cause: unknown) => {
            throw new GatewayError('NOT_KEPT', undefined, { cause })
          })
        return noOpinion(command, fields)
      }
      await store(call, recalling, fields)
      return OK
    } catch (error) {
      if (error instanceof GatewayError && error.code !== 'WEBHOOK_MALFORMED') throw error
      const { code, message } = asGatewayError(error)
      const command = query.get('CallbackCommand') ?? ''
      const isRecall = [command, fields['CallbackCommand']].some(
        (name) => typeof name === 'string' && recallCommand(name) !== undefined,
      )
      if (isRecall && call.isReplay) throw error
      await setAside(call, message)
      if (isRecall) throw error
      // The gateway itself is at fault, and the response does not show it.
      if (code === 'INTERNAL') log.error({ err: error }, 'webhook not handled because of an internal error')
      // No recall is lost, and an error could stop whatever the provider asks about.
      return noOpinion(command, fields)
    }
  }

  async function store(
    call: WebhookCall,
    command: RecallCommand,
    fields: Record<string, unknown>,
  ): Promise<void> {
    const { query, receivedAtMs, startedMs } = call
    const { recalls, leftOut } = toRecalls(command, fields, {
      receivedAtMs,
      platform: printable(query.get('OptPlatform')),
      address: printable(query.get('ClientIP')),
    })
    const leftMs = msLeft(startedMs)
    const quarantining =
      leftOut === undefined
        ? undefined
        : setAside(call, `delivered without what was not understood: ${leftOut}`)
    await Promise.all(recalls.map((recall) => publish(recall, leftMs)))
    await quarantining
  }

  async function publish(recall: Recall, timeoutMs: number): Promise<void> {
    const published = await broker.publish(recall, timeoutMs).catch((cause: unknown) => {
      throw new GatewayError('NOT_KEPT', undefined, { cause })
    })
    metrics.recallStored(published.spooled ? 'spool' : 'broker', published.duplicate)
    // At debug: the metric counts each recall, and a line for each would cost as much as storing it.
    log.debug({ ...conversationOf(recall), duplicate: published.duplicate }, 'recall stored')
  }

  /** Puts the whole webhook into the quarantine, for which the response does not wait too long. Never rejects. */
  async function setAside(
    { query, body, receivedAtMs, startedMs }: WebhookCall,
    reason: string,
  ): Promise<void> {
    log.warn({ reason }, 'authentic webhook not understood, quarantined')
    if (beingSetAside >= MAX_BEING_SET_ASIDE)
      return log.error({ reason }, 'cannot write to the quarantine: too much waits for its disk')
    const request = { receivedAtMs, query: query.withoutSign, ...encodeBody(body), reason }
    beingSetAside++
    const adding = quarantine
      .add(request)
      .catch((err: unknown) => log.error({ err }, 'cannot write to the quarantine'))
      .finally(() => beingSetAside--)
    // A disk may hang, and the recall is told all the same.
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        log.error({ reason }, 'the quarantine is slow to write, not waited for')
        resolve()
      }, msLeft(startedMs))
      void adding.then(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }
}

/** How long storing may take, so that the response is in time. */
const msLeft = (startedMs: number): number =>
  Math.max(startedMs + RESPONSE_TIMEOUT_MS - performance.now(), MIN_STORE_TIMEOUT_MS)

function parseBody(text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
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
