import { expect } from 'chai'
import { adminToken, connect, makeToken } from '../support/client.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { headerOf, startBackend } from '../support/backend-process.ts'
import { startGatewayProcess, WEBHOOK_TOKEN } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { startOtlpCollector } from '../support/otlp-collector.ts'
import { startRedis } from '../support/redis-server.ts'
import { postWebhook, recallBody, signedQuery } from '../support/webhook.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'
const HEADER = `00-${TRACE}-${SPAN}-01`
const SECRET = 'key-of-the-collector'
const GROUP = { group: 'lobby' }

describe('a traced recall', () => {
  const onCleanUp = cleanUpAfterEach()

  async function start(settings: Readonly<Record<string, string>>): Promise<GatewayProcess> {
    const gateway = await startGatewayProcess({ DRAIN_MS: '0', ...settings })
    onCleanUp(gateway.stop)
    return gateway
  }

  async function end(gateway: GatewayProcess): Promise<void> {
    gateway.signal('SIGTERM')
    await gateway.exited
  }

  async function join(gateway: GatewayProcess, token: string) {
    const client = await connect(gateway.url, token)
    onCleanUp(client.close)
    await client.subscribe(GROUP)
    return client
  }

  const recall = (gateway: GatewayProcess, seq: number, headers: Readonly<Record<string, string>> = {}) =>
    postWebhook(gateway.url, {
      body: recallBody({ GroupId: GROUP.group, MsgSeqList: [{ MsgSeq: seq }] }),
      headers,
    })

  /** Returns the lines of a log that name the trace, by their sentence. */
  const linesOf = (gateway: GatewayProcess, sentence: string): Record<string, unknown>[] =>
    gateway
      .output()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ msg, trace_id: id }) => msg === sentence && id === TRACE)

  it('is told from webhook to socket and backend, in spans and in lines of the log', async () => {
    const collector = await startOtlpCollector()
    onCleanUp(collector.stop)
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const backend = await startBackend({ token: WEBHOOK_TOKEN })
    onCleanUp(backend.stop)
    const shared = {
      REDIS_URL: redis.url,
      LOG_LEVEL: 'debug',
      OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`,
      OTEL_EXPORTER_OTLP_HEADERS: `api-key=${SECRET}%2C1`,
      OTEL_SERVICE_NAME: 'recalls',
      OTEL_TRACES_SAMPLER_ARG: '0',
      ENVIRONMENT: 'trial',
    }
    const receiver = await start({
      ...shared,
      ROLE: 'receiver',
      TRUST_PROXY: 'loopback',
      RELAY_URL: backend.url,
      RELAY_FALLBACK: 'allow',
    })
    const node = await start({ ...shared, ROLE: 'node' })
    const admin = await join(node, await adminToken())
    const member = await join(node, await makeToken({ rooms: [GROUP] }))
    expect((await recall(receiver, 1, { traceparent: HEADER })).status).to.equal(200)
    // Of a share of 0, nothing: nobody asked for its spans.
    expect((await recall(receiver, 2)).status).to.equal(200)
    const [first, second] = await admin.count(2)
    const relayed = await backend.waitFor('both recalls', (received) => received.length === 2)

    const forged = { ...signedQuery(), Sign: 'f'.repeat(64) }
    expect(
      (await postWebhook(receiver.url, { query: forged, headers: { traceparent: HEADER } })).status,
    ).to.equal(401)
    // Those that are left when a process ends have a second.
    await collector.waitFor('all spans', (spans) => spans.length >= 4)
    await Promise.all([end(receiver), end(node)])

    const spans = collector.spans()
    expect(collector.problems()).to.deep.equal([])
    const [received, stored, told, asked] = [
      'webhook Group.CallbackAfterRecallMsg',
      'store recall',
      'deliver notices',
      'relay webhook',
    ].map((name) => spans.find((span) => span.name === name))
    // A forged webhook has none.
    expect(spans.map(({ name }) => name)).to.have.members([
      'webhook Group.CallbackAfterRecallMsg',
      'store recall',
      'deliver notices',
      'relay webhook',
    ])
    expect(received).to.include({ kind: 2, traceId: TRACE, parentSpanId: SPAN, service: 'recalls' })
    expect(stored).to.include({ kind: 4, traceId: TRACE, parentSpanId: received?.spanId })
    expect(stored?.attributes).to.include({
      'recall_gateway.where': 'broker',
      'recall_gateway.duplicate': false,
    })
    expect(asked).to.include({ kind: 3, traceId: TRACE, parentSpanId: received?.spanId })
    // One for two sockets, in a trace of its own.
    expect(told).to.include({ kind: 5, parentSpanId: undefined })
    expect(told?.traceId).to.not.equal(TRACE)
    expect(told?.links).to.deep.equal([{ traceId: TRACE, spanId: received?.spanId }])
    expect(told?.attributes).to.include({
      'recall_gateway.room': 'group:lobby',
      'recall_gateway.sockets': 2n,
    })
    expect(told?.resource).to.include({ 'deployment.environment.name': 'trial' })
    expect(told?.resource['service.instance.id']).to.not.equal(received?.resource['service.instance.id'])
    expect(collector.requests()[0]?.headers['api-key']).to.equal(`${SECRET},1`)

    const headers = relayed.map((request) => headerOf(request, 'Traceparent'))
    expect(headers).to.include(`00-${TRACE}-${asked?.spanId}-01`)

    expect(linesOf(receiver, 'recall stored')).to.have.length(1)
    expect(linesOf(receiver, 'webhook refused')).to.have.length(1)
    const [line, ...more] = linesOf(node, 'notice written to sockets')
    expect(line).to.include({ room: 'group:lobby', offset: 1, sockets: 2 })
    expect(more).to.deep.equal([])
    for (const gateway of [receiver, node]) expect(gateway.output()).to.not.include(SECRET)

    expect(first?.notice).to.include({ traceparent: `00-${TRACE}-${received?.spanId}-01` })
    expect(second?.notice).to.include.keys('traceparent')
    expect(JSON.stringify(member.received)).to.not.include(TRACE)
  })

  it('is delivered as ever while the collector is away, and has no trace while nobody wants one', async () => {
    const away = await startOtlpCollector()
    away.stop()
    const gateway = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: away.url })
    const client = await join(gateway, await adminToken())
    expect((await recall(gateway, 1)).status).to.equal(200)
    await client.count(1)
    await end(gateway)
    expect(gateway.output()).to.include('the collector does not take spans')

    const off = await start({})
    const other = await join(off, await adminToken())
    expect((await recall(off, 1, { traceparent: HEADER })).status).to.equal(200)
    const [told] = await other.count(1)
    expect(told?.notice).to.not.include.keys('traceparent')
    const metrics = await (await fetch(`${off.url}/metrics`)).text()
    expect(metrics).to.include('recall_gateway_spans_total{outcome="exported"} 0')
    expect(off.output()).to.not.include(TRACE)
  })
})
