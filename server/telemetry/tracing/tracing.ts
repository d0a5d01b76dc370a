import type { IncomingHttpHeaders } from 'node:http'
import type { Span } from './span.ts'
import { newSpanId, newTraceId, parseTraceparent, traceIdOfRequestId } from './trace-context.ts'
import type { TraceContext } from './trace-context.ts'

interface TracingOptions {
  /** Share of the traces begun here whose spans are recorded, from 0 to 1. */
  readonly ratio: number
  /** Whether every webhook gets an id, for lines of the log. */
  readonly tracesAll: boolean
}

/** A trace as it arrives with a request, or begins there. */
export interface ReceivedTrace {
  /** Of the span that receives; of the caller if this process records no spans. */
  readonly context: TraceContext
  /** The caller's span. */
  readonly parentSpanId: string | undefined
}

/** A span of a trace that another span is part of. */
type ChildSpan = Omit<Span, 'context' | 'parent'> & { readonly context?: TraceContext }

/** The ids by which one finds what became of a webhook, and the spans that tell it. */
export interface Tracing {
  /** Whether spans go to a collector. */
  readonly recordsSpans: boolean
  /** Undefined if nobody wants to know. What the headers say counts only if a trusted proxy has sent them. */
  receive(headers: IncomingHttpHeaders, isTrusted: () => boolean): ReceivedTrace | undefined
  /** Records the span whose context `receive` has returned. */
  received(trace: ReceivedTrace, span: Omit<Span, 'context' | 'parent' | 'links'>): void
  /** Returns the context of a new span of that trace, for those who pass it on. */
  child(parent: TraceContext): TraceContext
  /** Records a span below `parent`, if the trace is sampled. */
  record(parent: TraceContext, span: ChildSpan): void
  /** Records a span that begins a trace of its own, for those that it is linked with, if one of them is sampled. */
  recordLinked(links: readonly TraceContext[], span: Omit<Span, 'context' | 'parent' | 'links'>): void
}

/** `add` takes finished spans; undefined if none are recorded. */
export function createTracing(
  { ratio, tracesAll }: TracingOptions,
  add: ((span: Span) => void) | undefined,
): Tracing {
  const recordsSpans = add !== undefined

  /** By the last 14 digits, as OpenTelemetry does: all who see the id decide alike. */
  const isChosen = (traceId: string): boolean =>
    recordsSpans && ratio > 0 && Number.parseInt(traceId.slice(-14), 16) >= (1 - ratio) * 2 ** 56

  /** `isWanted`: whether it is worth an id although nobody gets its spans. */
  function begin(traceId: string, isWanted: boolean): ReceivedTrace | undefined {
    const isSampled = isChosen(traceId)
    if (!isSampled && !isWanted) return undefined
    return { context: { traceId, spanId: newSpanId(), isSampled }, parentSpanId: undefined }
  }

  return {
    recordsSpans,

    receive(headers, isTrusted) {
      const { traceparent, 'x-request-id': requestId } = headers
      const isNamed = (traceparent !== undefined || requestId !== undefined) && isTrusted()
      const caller = isNamed ? parseTraceparent(traceparent) : undefined
      if (caller !== undefined && !recordsSpans) return { context: caller, parentSpanId: undefined }
      if (caller !== undefined)
        return { context: { ...caller, spanId: newSpanId() }, parentSpanId: caller.spanId }
      const traceId = isNamed ? traceIdOfRequestId(requestId) : undefined
      if (traceId !== undefined) return begin(traceId, true)
      return recordsSpans || tracesAll ? begin(newTraceId(), tracesAll) : undefined
    },

    received({ context, parentSpanId }, span) {
      if (!context.isSampled) return
      const parent = parentSpanId === undefined ? undefined : { spanId: parentSpanId, isRemote: true }
      add?.({ ...span, context, parent })
    },

    child,

    record(parent, { context = child(parent), ...span }) {
      if (!parent.isSampled) return
      add?.({ ...span, context, parent: { spanId: parent.spanId, isRemote: false } })
    },

    recordLinked(links, span) {
      const sampled = links.filter(({ isSampled }) => isSampled)
      if (add === undefined || sampled.length === 0) return
      const context = { traceId: newTraceId(), spanId: newSpanId(), isSampled: true }
      add({ ...span, context, links: sampled })
    },
  }
}

const child = ({ traceId, isSampled }: TraceContext): TraceContext => ({
  traceId,
  spanId: newSpanId(),
  isSampled,
})

/** For those who are told of no tracing. */
export const NO_TRACING: Tracing = createTracing({ ratio: 0, tracesAll: false }, undefined)
