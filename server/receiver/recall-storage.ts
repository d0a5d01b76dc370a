import { conversationOf } from '../../shared/conversation.ts'
import { GatewayError } from '../../shared/errors.ts'
import { isIdentifier } from '../../shared/identifier.ts'
import type { Recall } from '../../shared/recall.ts'
import type { Broker, Published } from '../broker/broker.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { RecallCommand } from './commands/recall-command.ts'
import type { SetAside } from './quarantine/quarantining.ts'
import { TEST_PARAMETER, toRecalls } from './recalls.ts'
import { msLeft } from './webhook-call.ts'
import type { WebhookCall } from './webhook-call.ts'

interface RecallStorageDependencies {
  readonly broker: Pick<Broker, 'publish'>
  readonly setAside: SetAside
  readonly metrics: Pick<Metrics, 'recallStored'>
  readonly log: Logger
}

/**
 * Stores the recalls of a webhook, and puts it into the quarantine as well if not all of it makes sense. Rejects with
 * WEBHOOK_MALFORMED if nothing does, or not all of what comes from there, and with NOT_KEPT.
 */
export type StoreRecalls = (
  call: WebhookCall,
  command: RecallCommand,
  fields: Readonly<Record<string, unknown>>,
) => Promise<void>

export function createRecallStorage({
  broker,
  setAside,
  metrics,
  log,
}: RecallStorageDependencies): StoreRecalls {
  async function publish(recall: Recall, call: WebhookCall): Promise<void> {
    let published: Published
    try {
      published = await broker.publish(recall, msLeft(call))
    } catch (cause) {
      throw new GatewayError('NOT_KEPT', undefined, { cause })
    }
    const tookMs = performance.now() - call.startedMs
    metrics.recallStored(published.spooled ? 'spool' : 'broker', published.duplicate, tookMs)
    // At debug: the metric counts each recall, and a line for each would cost as much as storing it.
    log.debug({ duplicate: published.duplicate, ...conversationOf(recall) }, 'recall stored')
  }

  return async function store(call, command, fields) {
    const { query, receivedAtMs } = call
    const { recalls, leftOut } = toRecalls(command, fields, {
      receivedAtMs,
      isTest: call.isTest === true || (call.isReplay && query.get(TEST_PARAMETER) === 'true'),
      platform: printable(query.get('OptPlatform')),
      address: printable(query.get('ClientIP')),
    })
    const reason = leftOut && `delivered without what was not understood: ${leftOut}`
    const [only, ...others] = recalls
    // Nearly always.
    if (only !== undefined && others.length === 0 && reason === undefined) return await publish(only, call)
    const quarantining = reason === undefined || call.isReplay ? undefined : setAside(call, reason)
    await Promise.all(recalls.map((recall) => publish(recall, call)))
    await quarantining
    if (reason !== undefined && call.isReplay) throw new GatewayError('WEBHOOK_MALFORMED', reason)
  }
}

/** Drops a value that is not printable: it is only informational, and not worth losing a recall over. */
const printable = (text: string | undefined): string | undefined =>
  text !== undefined && isIdentifier(text) ? text : undefined
