import { asGatewayError, GatewayError } from '../../shared/errors.ts'
import type { Broker } from '../broker/broker.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Tracing } from '../telemetry/tracing/tracing.ts'
import { decodeBody } from './body.ts'
import { noOpinion } from './commands/before-commands.ts'
import { labelOf } from './commands/known-commands.ts'
import { toMembershipEnd } from './commands/membership.ts'
import type { MembershipEnd } from './commands/membership.ts'
import { recallCommand } from './commands/recall-commands.ts'
import type { Quarantine } from './quarantine/quarantine.ts'
import { createQuarantining } from './quarantine/quarantining.ts'
import { createRecallStorage } from './recall-storage.ts'
import type { Answered, Relay, RelayedCall } from './relay/relay.ts'
import { OK } from './responses.ts'
import type { WebhookResponse } from './responses.ts'
import type { WebhookCall } from './webhook-call.ts'
import { commandOf, parseFields } from './webhook-fields.ts'

export interface WebhookDependencies {
  readonly broker: Pick<Broker, 'publish' | 'endGroup'>
  readonly quarantine: Pick<Quarantine, 'add'>
  /** Announces to all processes that memberships ended, in the background. */
  readonly announceEnd: (ended: MembershipEnd) => void
  /** Passes webhooks on to the app's backend; undefined without one. */
  readonly relay?: Relay | undefined
  readonly metrics: Pick<Metrics, 'recallStored' | 'commandUnhandled'>
  /** Default: nothing is traced. */
  readonly tracing?: Tracing | undefined
  readonly log: Logger
}

/**
 * Resolves to the response, of the backend if it has given one. Rejects with a GatewayError that says what is wrong with the call; NOT_KEPT means that Tencent
 * should retry.
 */
export type HandleWebhook = (call: WebhookCall) => Promise<Answered | WebhookResponse>

/** Handles an authentic webhook from raw bytes to response, in one order: text, JSON, command, shape, storage. */
export function createWebhook({
  broker,
  quarantine,
  announceEnd,
  relay,
  metrics,
  tracing,
  log,
}: WebhookDependencies): HandleWebhook {
  const setAside = createQuarantining({ quarantine, log })
  const storeRecalls = createRecallStorage({ broker, setAside, metrics, tracing, log })

  async function endMemberships(
    command: string,
    fields: Record<string, unknown>,
    receivedAtMs: number,
  ): Promise<void> {
    const ended = toMembershipEnd(command, fields, receivedAtMs)
    if (ended) announceEnd(ended)
    if (ended?.dismissedAtMs === undefined) return
    await broker.endGroup(ended.group, ended.dismissedAtMs).catch((cause: unknown) => {
      throw new GatewayError('NOT_KEPT', undefined, { cause })
    })
  }

  /** Handles a command other than a recall. */
  async function handleOther(
    call: WebhookCall,
    command: string,
    fields: Record<string, unknown>,
  ): Promise<Answered | WebhookResponse> {
    const ending = endMemberships(command, fields, call.receivedAtMs)
    const response = isRelayed(call) ? relay?.relay(call, command, fields) : undefined
    if (response === undefined) {
      await ending
      metrics.commandUnhandled(labelOf(command))
      return noOpinion(command, fields)
    }
    const [ended] = await Promise.allSettled([ending, response])
    if (ended.status === 'rejected' && ended.reason instanceof GatewayError) throw ended.reason
    if (ended.status === 'rejected') log.error({ err: ended.reason as unknown }, 'cannot end memberships')
    return response
  }

  /** Stores a recall, and then queues it for the backend, which may make sense of what the gateway does not. */
  function handleRecall(
    call: WebhookCall,
    command: string,
    fields: Record<string, unknown>,
    storing: Promise<void>,
  ): Promise<void> {
    const relaying = isRelayed(call) ? relay?.relayRecall(call, command, fields, storing) : undefined
    return relaying === undefined ? storing : Promise.allSettled([storing, relaying]).then(() => storing)
  }

  /** The gateway has handled it before, and the backend may have got it. */
  async function queueAgain(call: WebhookCall): Promise<WebhookResponse> {
    if (!relay || !isRelayed(call)) throw new GatewayError('WEBHOOK_MALFORMED', 'this receiver has no relay')
    await relay.again(call, call.query.get('CallbackCommand') ?? '', fieldsIfAny(call))
    return OK
  }

  return async function handleWebhook(call) {
    if (call.isGivenUp === true) return await queueAgain(call)
    const { query, body, contentType } = call
    let fields: Record<string, unknown> = {}
    let isUnderstood = false
    try {
      fields = parseFields(decodeBody(body, contentType))
      const command = commandOf(fields, query.get('CallbackCommand'))
      isUnderstood = true
      const recalling = recallCommand(command)
      if (recalling === undefined) return await handleOther(call, command, fields)
      await handleRecall(call, command, fields, storeRecalls(call, recalling, fields))
      return OK
    } catch (error) {
      if (error instanceof GatewayError && error.code !== 'WEBHOOK_MALFORMED') throw error
      const { code, message } = asGatewayError(error)
      const command = query.get('CallbackCommand') ?? ''
      const isRecall = [command, fields['CallbackCommand']].some(
        (name) => typeof name === 'string' && recallCommand(name) !== undefined,
      )
      // What the gateway cannot read, the backend perhaps can.
      if (!isRecall && !isUnderstood && relay && isRelayed(call)) return relay.relay(call, command, fields)
      // It is there already, and stays.
      if (call.isReplay) throw error
      await Promise.all([
        setAside(call, message),
        isRecall && !isUnderstood && handleRecall(call, command, fields, Promise.resolve()),
      ])
      if (isRecall) throw error
      // The gateway itself is at fault, and the response does not show it.
      if (code === 'INTERNAL') log.error({ err: error }, 'webhook not handled because of an internal error')
      // No recall is lost, and an error could stop whatever the provider asks about.
      return noOpinion(command, fields)
    }
  }
}

const isRelayed = (call: WebhookCall): call is RelayedCall => call.relayed !== undefined

function fieldsIfAny({ body, contentType }: WebhookCall): Record<string, unknown> {
  try {
    return parseFields(decodeBody(body, contentType))
  } catch {
    return {}
  }
}
