import type { TraceContext } from './trace-context.ts'

type Attribute = string | number | boolean

/** One step of a trace, when it is over. */
export interface Span {
  readonly name: string
  readonly kind: keyof typeof KINDS
  readonly context: TraceContext
  /** The step that caused it; `isRemote` if another process made that. */
  readonly parent?: { readonly spanId: string; readonly isRemote: boolean } | undefined
  /** Steps of other traces that it serves. */
  readonly links?: readonly TraceContext[]
  /** By `performance.now()`. */
  readonly startedMs: number
  readonly endedMs: number
  /** Integers, texts and booleans; undefined ones are left out. */
  readonly attributes: Readonly<Record<string, Attribute | undefined>>
  /** Why it failed. */
  readonly failure?: string | undefined
}

/** Source: enum SpanKind in opentelemetry/proto/trace/v1/trace.proto. */
const KINDS = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const
const STATUS_ERROR = 2
/** Source: enum SpanFlags there. */
const FLAGS = { sampled: 0x1, knowsIfRemote: 0x100, isRemote: 0x200 } as const
/** Further ones are counted only. */
const MAX_LINKS = 32

/** Who made the spans. */
export interface Resource {
  readonly service: string
  readonly version: string
  /** Of the process. */
  readonly id: string
  readonly host: string
  readonly environment?: string | undefined
}

/**
 * Encodes spans as the body of a request of OTLP/HTTP. Source: OpenTelemetry Protocol, "JSON Protobuf Encoding": names in camel case, ids in
 * hexadecimal, numbers of 64 bits as texts, enums as numbers. `unixMs` turns `performance.now()` into ms since 1970.
 */
export function encodeSpans(
  spans: readonly Span[],
  { service, version, id, host, environment }: Resource,
  unixMs: (performanceMs: number) => number,
): string {
  const resource = {
    attributes: attributesOf({
      'service.name': service,
      'service.version': version,
      'service.instance.id': id,
      'host.name': host,
      'deployment.environment.name': environment,
    }),
  }
  const scope = { name: 'recall-gateway', version }
  const encoded = spans.map((span) => encodeSpan(span, unixMs))
  return JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ scope, spans: encoded }] }] })
}

function encodeSpan(span: Span, unixMs: (performanceMs: number) => number) {
  const { name, kind, context, parent, links = [], attributes, failure } = span
  return {
    traceId: context.traceId,
    spanId: context.spanId,
    ...(parent !== undefined && { parentSpanId: parent.spanId }),
    flags: flagsOf(context, parent?.isRemote === true),
    name,
    kind: KINDS[kind],
    startTimeUnixNano: nanoseconds(unixMs(span.startedMs)),
    endTimeUnixNano: nanoseconds(unixMs(span.endedMs)),
    attributes: attributesOf(attributes),
    links: links
      .slice(0, MAX_LINKS)
      .map((link) => ({ traceId: link.traceId, spanId: link.spanId, flags: flagsOf(link, true) })),
    ...(links.length > MAX_LINKS && { droppedLinksCount: links.length - MAX_LINKS }),
    ...(failure !== undefined && { status: { code: STATUS_ERROR, message: failure } }),
  }
}

const flagsOf = ({ isSampled }: TraceContext, isRemote: boolean): number =>
  (isSampled ? FLAGS.sampled : 0) | FLAGS.knowsIfRemote | (isRemote ? FLAGS.isRemote : 0)

/** Exact to the microsecond, which a double can hold until the year 2255. */
const nanoseconds = (ms: number): string => `${Math.round(ms * 1_000)}000`

const attributesOf = (attributes: Span['attributes']) =>
  Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: valueOf(value) }],
  )

function valueOf(value: Attribute) {
  if (typeof value === 'string') return { stringValue: value }
  return typeof value === 'boolean' ? { boolValue: value } : { intValue: String(Math.round(value)) }
}
