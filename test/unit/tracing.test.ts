import { expect } from 'chai'
import { createMetrics } from '../../server/telemetry/metrics.ts'
import { createSilentLogger } from '../../server/telemetry/logger.ts'
import { createSpanExporter } from '../../server/telemetry/tracing/span-exporter.ts'
import type { Span } from '../../server/telemetry/tracing/span.ts'
import {
  formatTraceparent,
  newSpanId,
  newTraceId,
  parseTraceparent,
  traceIdOfRequestId,
} from '../../server/telemetry/tracing/trace-context.ts'
import { createTracing } from '../../server/telemetry/tracing/tracing.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { fairClock } from '../support/fair-clock.ts'
import { parseOtlp, startOtlpCollector } from '../support/otlp-collector.ts'
import { waitUntil } from '../support/wait.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'
const HEADER = `00-${TRACE}-${SPAN}-01`
const trusted = (): boolean => true

describe('traceparent', () => {
  it('is read and written as W3C Trace Context says', () => {
    const context = { traceId: TRACE, spanId: SPAN, isSampled: true }
    expect(parseTraceparent(HEADER)).to.deep.equal(context)
    expect(formatTraceparent(context)).to.equal(HEADER)
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-02`)?.isSampled).to.equal(false)
    // A later version may have more flags, and more behind them.
    expect(parseTraceparent(`01-${TRACE}-${SPAN}-03-what-the-future-brings`)).to.deep.equal(context)
  })

  for (const text of [
    undefined,
    7,
    '',
    HEADER.toUpperCase(),
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE}-${SPAN}-1`,
    ` ${HEADER}`,
    `${HEADER}\n`,
    `01-${TRACE}-${SPAN}-01-${'x'.repeat(1_000)}`,
  ])
    it(`is nothing if it is ${JSON.stringify(text)?.slice(0, 80)}`, () => {
      expect(parseTraceparent(text)).to.equal(undefined)
    })

  it('may begin with a UUID of X-Request-Id', () => {
    expect(traceIdOfRequestId('0AF76519-16cd-43dd-8448-eb211c80319c')).to.equal(TRACE)
    expect(traceIdOfRequestId(TRACE)).to.equal(TRACE)
    for (const text of [
      undefined,
      '',
      'lobby',
      `${TRACE}0`,
      '0'.repeat(32),
      '0af7651916cd-43dd-8448-eb211c80319c',
    ])
      expect(traceIdOfRequestId(text), text).to.equal(undefined)
  })

  it('has ids that differ', () => {
    const ids = Array.from({ length: 5_000 }, () => newTraceId())
    expect(new Set(ids).size).to.equal(ids.length)
    expect(ids.every((id) => /^[0-9a-f]{32}$/.test(id))).to.equal(true)
    expect(newSpanId()).to.match(/^[0-9a-f]{16}$/)
  })
})

describe('a trace', () => {
  it('begins only if somebody wants to know', () => {
    const off = createTracing({ ratio: 0, tracesAll: false }, undefined)
    expect(off.receive({}, trusted)).to.equal(undefined)
    const logged = createTracing({ ratio: 0, tracesAll: true }, undefined)
    expect(logged.receive({}, trusted)?.context.isSampled).to.equal(false)
    const none = createTracing({ ratio: 0, tracesAll: false }, () => undefined)
    expect(none.receive({}, trusted)).to.equal(undefined)
  })

  it('goes on from the header of a trusted proxy alone', () => {
    const tracing = createTracing({ ratio: 0, tracesAll: false }, () => undefined)
    const received = tracing.receive({ traceparent: HEADER }, trusted)
    expect(received?.context).to.include({ traceId: TRACE, isSampled: true })
    expect(received?.context.spanId).to.not.equal(SPAN)
    expect(received?.parentSpanId).to.equal(SPAN)
    expect(tracing.receive({ traceparent: HEADER }, () => false)).to.equal(undefined)
    // Malformed, it does not hide the other header.
    const other = tracing.receive({ traceparent: 'x', 'x-request-id': TRACE }, trusted)
    expect(other?.context).to.include({ traceId: TRACE, isSampled: false })
    expect(tracing.receive({ 'x-request-id': TRACE }, () => false)).to.equal(undefined)
  })

  it('passes the span of the proxy on where none is recorded', () => {
    const off = createTracing({ ratio: 0, tracesAll: false }, undefined)
    expect(off.receive({ traceparent: HEADER }, trusted)?.context).to.deep.equal(parseTraceparent(HEADER))
  })

  it('is sampled by its id: one in four of many', () => {
    const tracing = createTracing({ ratio: 0.25, tracesAll: true }, () => undefined)
    const isSampled = (): boolean => tracing.receive({}, trusted)?.context.isSampled === true
    const count = Array.from({ length: 4_000 }, isSampled).filter((is) => is).length
    expect(count).to.be.within(800, 1_200)
  })

  it('records spans of sampled traces alone, and links instead of parents on delivery', () => {
    const spans: Span[] = []
    const tracing = createTracing({ ratio: 0, tracesAll: false }, (span) => void spans.push(span))
    const step = { name: 'x', kind: 'internal', startedMs: 1, endedMs: 2, attributes: {} } as const
    const [sampled, other] = [parseTraceparent(HEADER), parseTraceparent(`00-${TRACE}-${SPAN}-00`)]
    if (sampled === undefined || other === undefined) throw new Error('not read')
    tracing.record(other, step)
    tracing.recordLinked([other], step)
    expect(spans).to.deep.equal([])
    tracing.record(sampled, step)
    tracing.recordLinked([other, sampled], step)
    const [below, linked] = spans
    expect(below?.context.traceId).to.equal(TRACE)
    expect(below?.parent?.spanId).to.equal(SPAN)
    expect(linked?.context.traceId).to.not.equal(TRACE)
    expect(linked?.parent).to.equal(undefined)
    expect(linked?.links).to.deep.equal([sampled])
  })
})

/** The example of opentelemetry-proto, examples/trace.json. */
const EXAMPLE = {
  resourceSpans: [
    {
      resource: { attributes: [{ key: 'service.name', value: { stringValue: 'my.service' } }] },
      scopeSpans: [
        {
          scope: {
            name: 'my.library',
            version: '1.0.0',
            attributes: [{ key: 'my.scope.attribute', value: { stringValue: 'some scope attribute' } }],
          },
          spans: [
            {
              traceId: '5B8EFFF798038103D269B633813FC60C',
              spanId: 'EEE19B7EC3C1B174',
              parentSpanId: 'EEE19B7EC3C1B173',
              name: "I'm a server span",
              startTimeUnixNano: '1544712660000000000',
              endTimeUnixNano: '1544712661000000000',
              kind: 2,
              attributes: [{ key: 'my.span.attr', value: { stringValue: 'some value' } }],
            },
          ],
        },
      ],
    },
  ],
}

describe('spans for a collector', () => {
  const onCleanUp = cleanUpAfterEach()

  async function start(answers: Parameters<typeof startOtlpCollector>[0] = []) {
    const collector = await startOtlpCollector(answers)
    onCleanUp(collector.stop)
    const metrics = createMetrics()
    const ended = { exported: 0, dropped: 0 }
    const exporter = createSpanExporter({
      resource: () => ({ service: 'recalls', version: '1.2.3', id: 'p1', host: 'h1' }),
      post: async (body) => {
        const response = await fetch(`${collector.url}/v1/traces`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body,
        })
        const { status, headers } = response
        return { status, retryAfter: headers.get('retry-after'), text: await response.text() }
      },
      metrics: {
        ...metrics,
        spansEnded(how, count) {
          ended[how] += count
        },
      },
      log: createSilentLogger(),
      intervalMs: 1,
    })
    onCleanUp(exporter.stop)
    return { collector, exporter, ended }
  }

  const span = (fields: Partial<Span> = {}): Span => ({
    name: 'store recall',
    kind: 'producer',
    context: { traceId: newTraceId(), spanId: newSpanId(), isSampled: true },
    startedMs: performance.now(),
    endedMs: performance.now() + 1.5,
    attributes: { where: 'broker', messages: 3, duplicate: false, left: undefined },
    ...fields,
  })

  it('are read by what reads the documented example', () => {
    const [example] = parseOtlp(JSON.stringify(EXAMPLE))
    expect(example).to.deep.include({ service: 'my.service', kind: 2, parentSpanId: 'eee19b7ec3c1b173' })
    expect(() => parseOtlp('{"resource_spans":[]}')).to.throw('resource_spans')
  })

  it('arrive as the protocol defines them', async () => {
    const { collector, exporter, ended } = await start()
    const before = BigInt(Date.now()) * 1_000_000n
    const links = Array.from({ length: 40 }, () => ({ traceId: TRACE, spanId: SPAN, isSampled: true }))
    const sent = span({ links, parent: { spanId: SPAN, isRemote: true }, failure: 'NOT_KEPT' })
    exporter.add(sent)
    const [got] = await collector.waitFor('a span', (spans) => spans.length === 1)
    expect(got).to.deep.include({
      service: 'recalls',
      name: 'store recall',
      kind: 4,
      traceId: sent.context.traceId,
      spanId: sent.context.spanId,
      parentSpanId: SPAN,
      flags: 0x301,
      attributes: { where: 'broker', messages: 3n, duplicate: false },
      droppedLinks: 8,
      failure: 'NOT_KEPT',
    })
    expect(got?.links).to.have.length(32)
    expect(got?.resource).to.deep.equal({
      'service.name': 'recalls',
      'service.version': '1.2.3',
      'service.instance.id': 'p1',
      'host.name': 'h1',
    })
    const tookNs = Number((got?.endNs ?? 0n) - (got?.startNs ?? 0n))
    expect(tookNs).to.be.within(1_400_000, 1_700_000)
    expect(Number((got?.startNs ?? 0n) - before)).to.be.within(-10_000_000, 1_000_000_000)
    await waitUntil('it is counted', () => ended.exported === 1)
  })

  it('are sent again after 503, and not after 400', async () => {
    const { collector, exporter, ended } = await start([
      { status: 503, retryAfter: '0' },
      { status: 200 },
      { status: 400 },
    ])
    exporter.add(span())
    await collector.waitFor('the span', (spans) => spans.length === 1)
    exporter.add(span())
    await waitUntil('the other is dropped', () => ended.dropped === 1)
    expect(collector.requests()).to.have.length(3)
    expect(ended).to.deep.equal({ exported: 1, dropped: 1 })
  })

  it('count as dropped if the collector takes only a part', async () => {
    const { exporter, ended } = await start([
      { status: 200, body: { partialSuccess: { rejectedSpans: '2', errorMessage: 'too old' } } },
    ])
    for (let i = 0; i < 3; i++) exporter.add(span())
    await waitUntil('all are counted', () => ended.exported + ended.dropped === 3)
    expect(ended).to.deep.equal({ exported: 1, dropped: 2 })
  })

  it('are dropped beyond 2,048 while the collector hangs, and do not keep the process', async () => {
    const { collector, exporter, ended } = await start(['hang'])
    for (let i = 0; i < 512; i++) exporter.add(span())
    await waitUntil('it is asked', () => collector.requests().length === 1)
    for (let i = 0; i < 2_050; i++) exporter.add(span())
    expect(ended.dropped).to.equal(2)
    const fairMs = fairClock()
    const startedMs = fairMs()
    await exporter.stop()
    expect(fairMs() - startedMs).to.be.below(2_000)
    expect(ended.dropped).to.equal(2_050)
    exporter.add(span())
    expect(ended.dropped).to.equal(2_051)
  })
})
