import { labelOf } from '../commands/known-commands.ts'
import { formatTraceparent, parseTraceparent } from '../../telemetry/tracing/trace-context.ts'
import type { Tracing } from '../../telemetry/tracing/tracing.ts'
import type { Forwarder } from './relayed-request.ts'

/** Records each attempt at a traced request as a span, which the backend gets as `Traceparent`. */
export function createTracedForwarder(
  forwarder: Forwarder,
  tracing: Pick<Tracing, 'recordsSpans' | 'child' | 'record'>,
): Forwarder {
  if (!tracing.recordsSpans) return forwarder

  return {
    async forward(request, options) {
      const parent = request.isTraced ? parseTraceparent(request.forwarded['Traceparent']) : undefined
      if (parent === undefined) return await forwarder.forward(request, options)
      const context = tracing.child(parent)
      const startedMs = performance.now()
      const forwarded = { ...request.forwarded, Traceparent: formatTraceparent(context) }
      const outcome = await forwarder.forward({ ...request, forwarded }, options)
      tracing.record(parent, {
        context,
        name: 'relay webhook',
        kind: 'client',
        startedMs,
        endedMs: performance.now(),
        attributes: {
          'http.response.status_code': outcome.status,
          'recall_gateway.command': labelOf(request.command),
          'recall_gateway.attempt': options.attempt,
        },
        failure: outcome.kind === 'failed' ? outcome.reason : undefined,
      })
      return outcome
    },
  }
}
