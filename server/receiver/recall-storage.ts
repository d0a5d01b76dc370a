import { conversationOf } from '../../shared/conversation.ts'
import { GatewayError } from '../../shared/errors.ts'
import { isIdentifier } from '../../shared/identifier.ts'
import type { Recall } from '../../shared/recall.ts'
import type { Broker, Published } from '../broker/broker.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { formatTraceparent } from '../telemetry/tracing/trace-context.ts'
import type { TraceContext } from '../telemetry/tracing/trace-context.ts'
import { NO_TRACING } from '../telemetry/tracing/tracing.ts'
import type { Tracing } from '../telemetry/tracing/tracing.ts'
import type { RecallCommand } from './commands/recall-command.ts'
import type { SetAside } from './quarantine/quarantining.ts'
import { TEST_PARAMETER, toRecalls } from './recalls.ts'
import { msLeft } from './webhook-call.ts'
import type { WebhookCall } from './webhook-call.ts'

interface RecallStorageDependencies {
  readonly broker: Pick<Broker, 'publish'>
  readonly setAside: SetAside
  readonly metrics: Pick<Metrics, 'recallStored'>
  readonly tracing?: Pick<Tracing, 'record'> | undefined
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
  tracing = NO_TRACING,
  log,
}: RecallStorageDependencies): StoreRecalls {
  async function publish(recall: Recall, call: WebhookCall): Promise<void> {
    const { trace } = call
    const startedMs = trace === undefined ? 0 : performance.now()
    let published: Published
    try {
      published = await broker.publish(recall, msLeft(call))
    } catch (cause) {
      if (trace) traceStored(trace, recall, { startedMs })
      throw new GatewayError('NOT_KEPT', undefined, { cause })
    }
    if (trace) traceStored(trace, recall, { startedMs, published })
    const tookMs = performance.now() - call.startedMs
    metrics.recallStored(published.spooled ? 'spool' : 'broker', published.duplicate, tookMs)
    // At debug: the metric counts each recall, and a line for each would cost as much as storing it.
    const fields = { duplicate: published.duplicate, ...conversationOf(recall) }
    log.debug(trace ? { ...fields, trace_id: trace.traceId } : fields, 'recall stored')
  }

  /** Without `published`, it could not be stored. */
  function traceStored(
    trace: TraceContext,
    recall: Recall,
    { startedMs, published }: { readonly startedMs: number; readonly published?: Published },
  ): void {
    tracing.record(trace, {
      name: 'store recall',
      kind: 'producer',
      startedMs,
      endedMs: performance.now(),
      attributes: {
        'recall_gateway.messages': recall.messages.length,
        'recall_gateway.where': published && (published.spooled ? 'spool' : 'broker'),
        'recall_gateway.duplicate': published?.duplicate,
      },
      failure: published ? undefined : 'NOT_KEPT',
    })
  }

  return async function store(call, command, fields) {
    const { query, receivedAtMs } = call
    const { recalls, leftOut } = toRecalls(command, fields, {
      receivedAtMs,
      isTest: call.isTest === true || (call.isReplay && query.get(TEST_PARAMETER) === 'true'),
      platform: printable(query.get('OptPlatform')),
      address: printable(query.get('ClientIP')),
      traceparent: call.trace && formatTraceparent(call.trace),
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
