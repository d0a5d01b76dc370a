import { createServer } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readBytes } from './read-bytes.ts'
import { waitUntil } from './wait.ts'

interface CollectedSpan {
  readonly service: string
  readonly resource: Attributes
  readonly name: string
  readonly kind: number
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly flags: number
  readonly startNs: bigint
  readonly endNs: bigint
  readonly attributes: Attributes
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[]
  readonly droppedLinks: number
  readonly failure: string | undefined
}

type Attributes = Readonly<Record<string, string | bigint | boolean>>
type Json = Readonly<Record<string, unknown>>

/** What the collector answers, in order; afterwards it takes everything. `hang`: nothing. */
type Answer = { readonly status: number; readonly body?: unknown; readonly retryAfter?: string } | 'hang'

/** Every field of the messages that spans are sent in. Source: opentelemetry-proto, trace.proto, resource.proto and common.proto. */
const FIELDS = {
  request: ['resourceSpans'],
  resourceSpans: ['resource', 'scopeSpans', 'schemaUrl'],
  resource: ['attributes', 'droppedAttributesCount', 'entityRefs'],
  scopeSpans: ['scope', 'spans', 'schemaUrl'],
  scope: ['name', 'version', 'attributes', 'droppedAttributesCount'],
  span: [
    'traceId',
    'spanId',
    'traceState',
    'parentSpanId',
    'flags',
    'name',
    'kind',
    'startTimeUnixNano',
    'endTimeUnixNano',
    'attributes',
    'droppedAttributesCount',
    'events',
    'droppedEventsCount',
    'links',
    'droppedLinksCount',
    'status',
  ],
  link: ['traceId', 'spanId', 'traceState', 'attributes', 'droppedAttributesCount', 'flags'],
  status: ['message', 'code'],
  attribute: ['key', 'value'],
} as const

/**
 * An OpenTelemetry collector: reads what is posted to `/v1/traces` as the protocol defines its JSON, and answers 400 to everything else.
 * Deliberately independent of the server's code.
 */
export async function startOtlpCollector(answers: readonly Answer[] = []) {
  const spans: CollectedSpan[] = []
  const problems: string[] = []
  const requests: { readonly headers: IncomingHttpHeaders; readonly spans: number }[] = []
  const left = [...answers]
  const server = createServer((request, response) => {
    void readBytes(request).then((bytes) => {
      let read: readonly CollectedSpan[] = []
      try {
        if (request.method !== 'POST' || request.url !== '/v1/traces') throw new Error(`no ${request.url}`)
        if (request.headers['content-type'] !== 'application/json') throw new Error('no JSON')
        read = parseOtlp(bytes.toString())
      } catch (error) {
        problems.push(String(error))
        response.writeHead(400).end()
        return
      }
      requests.push({ headers: request.headers, spans: read.length })
      const answer = left.shift() ?? { status: 200 }
      if (answer === 'hang') return
      if (answer.status === 200) spans.push(...read)
      response.writeHead(answer.status, {
        'Content-Type': 'application/json',
        ...(answer.retryAfter !== undefined && { 'Retry-After': answer.retryAfter }),
      })
      response.end(JSON.stringify(answer.body ?? {}))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: (): readonly CollectedSpan[] => spans,
    requests: () => requests,
    /** Why requests were not understood. */
    problems: (): readonly string[] => problems,
    waitFor: (what: string, isEnough: (spans: readonly CollectedSpan[]) => boolean) =>
      waitUntil(`${what}: ${problems.join()}`, () => isEnough(spans) && spans),
    stop(): void {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Reads the body of an ExportTraceServiceRequest. Throws at anything that the protocol does not define. */
export function parseOtlp(text: string): CollectedSpan[] {
  const request = object(JSON.parse(text), 'request')
  return list(request['resourceSpans']).flatMap((part) => {
    const { resource, scopeSpans } = object(part, 'resourceSpans')
    const attributes = attributesOf(object(resource, 'resource')['attributes'])
    return list(scopeSpans).flatMap((scoped) => {
      const { scope, spans } = object(scoped, 'scopeSpans')
      object(scope, 'scope')
      return list(spans).map((span) => spanOf(object(span, 'span'), attributes))
    })
  })
}

function spanOf(span: Json, resource: Attributes): CollectedSpan {
  const status = span['status'] === undefined ? {} : object(span['status'], 'status')
  const kind = integer(span['kind'])
  if (kind < 1 || kind > 5) throw new Error('no SpanKind')
  return {
    service: String(resource['service.name']),
    resource,
    name: String(span['name']),
    kind,
    traceId: hex(span['traceId'], 32),
    spanId: hex(span['spanId'], 16),
    parentSpanId: span['parentSpanId'] === undefined ? undefined : hex(span['parentSpanId'], 16),
    flags: integer(span['flags'] ?? 0),
    startNs: int64(span['startTimeUnixNano']),
    endNs: int64(span['endTimeUnixNano']),
    attributes: attributesOf(span['attributes']),
    links: list(span['links'] ?? []).map((link) => {
      const { traceId, spanId } = object(link, 'link')
      return { traceId: hex(traceId, 32), spanId: hex(spanId, 16) }
    }),
    droppedLinks: integer(span['droppedLinksCount'] ?? 0),
    failure: status['code'] === 2 ? String(status['message']) : undefined,
  }
}

function attributesOf(value: unknown): Attributes {
  const entries = list(value).map((item): [string, string | bigint | boolean] => {
    const { key, value: any } = object(item, 'attribute')
    if (typeof key !== 'string' || key === '') throw new Error('no key')
    const [[kind, content] = ['', undefined], ...more] = Object.entries(any as Json)
    if (more.length > 0) throw new Error('a value of two kinds')
    if (kind === 'stringValue' && typeof content === 'string') return [key, content]
    if (kind === 'boolValue' && typeof content === 'boolean') return [key, content]
    if (kind === 'intValue') return [key, int64(content)]
    throw new Error(`no value: ${kind}`)
  })
  if (new Set(entries.map(([key]) => key)).size < entries.length) throw new Error('a key twice')
  return Object.fromEntries(entries)
}

function object(value: unknown, kind: keyof typeof FIELDS): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`no ${kind}`)
  const unknown = Object.keys(value).filter((key) => !(FIELDS[kind] as readonly string[]).includes(key))
  if (unknown.length > 0) throw new Error(`a ${kind} has no ${unknown.join()}`)
  return value as Json
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error('no list')
  return value
}

function hex(value: unknown, digits: number): string {
  const text = String(value)
  if (text.length !== digits || !/^[0-9a-f]+$/i.test(text) || /^0+$/.test(text))
    throw new Error(`no id: ${text}`)
  return text.toLowerCase()
}

/** A text or a number: both are allowed. */
function int64(value: unknown): bigint {
  if (typeof value !== 'string' && typeof value !== 'number') throw new Error('no 64-bit number')
  return BigInt(value)
}

function integer(value: unknown): number {
  if (typeof value !== 'number' || !Number.isInteger(value)) throw new Error('no number')
  return value
}
