import { Agent, request } from 'node:http'
import { expect } from 'chai'
import fc from 'fast-check'
import { adminToken, connect, makeToken } from '../support/client.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { COUNTING, workOf } from '../support/gateway-work.ts'
import { json, mutated, text } from '../support/hostile-values.ts'
import { RECALL_SAMPLES } from '../support/provider-samples.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { recallBody, signedQuery } from '../support/webhook.ts'

const WEBHOOKS = 50_000
const MAX_CONCURRENT_WEBHOOKS = 32
/** Less than the burst of requests that a socket may send. */
const MESSAGES_PER_SOCKET = 500
const SOCKETS = 100
const MAX_CONCURRENT_SOCKETS = 4
const MAX_CONCURRENT_MESSAGES = 50
/** After garbage collection. A process that leaked 100 bytes per message would exceed it. */
const MAX_HEAP_GROWTH_BYTES = 3 * 1024 * 1024

/** Texts with a piece removed, duplicated or replaced. */
const corrupted = (original: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(
      original,
      fc.nat(),
      fc.nat(40),
      fc.oneof(fc.constant(''), text, fc.constantFrom('{{{{', '\u0000', '"')),
    )
    .map(([one, at, length, piece]) => {
      const from = at % (one.length + 1)
      return one.slice(0, from) + piece + one.slice(piece === '' ? from : from + length)
    })

const asText = (value: fc.Arbitrary<unknown>): fc.Arbitrary<string> =>
  value.map((one) => JSON.stringify(one) ?? '')
const body = fc.oneof(
  ...Object.values(RECALL_SAMPLES).map((sample) => asText(mutated(sample))),
  corrupted(asText(fc.constantFrom(...Object.values(RECALL_SAMPLES)))),
  asText(json),
  text,
)
/** Mostly signed: unsigned requests are refused before the body is parsed. */
const query = fc.oneof(
  { weight: 6, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.record({ CallbackCommand: text, ClientIP: text, OptPlatform: text }) },
  {
    weight: 1,
    arbitrary: fc.dictionary(fc.constantFrom('Sign', 'RequestTime', 'SdkAppid', '__proto__'), text),
  },
)

const name = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('subscribe', 'unsubscribe', 'recalled', 'refresh') },
  { weight: 1, arbitrary: fc.constantFrom('messages-recalled', '__proto__', 'toString', '') },
  { weight: 1, arbitrary: text },
)
const payload = fc.oneof(
  fc.record({ group: text }),
  fc.record({ group: text, seqs: fc.array(fc.nat(), { minLength: 1 }) }),
  mutated({ group: 'g', topic: 't', since: { epoch: 'e', offset: 3 } }),
  mutated({ group: 'g', seqs: [1, 2] }),
  mutated({ feed: true }),
  mutated({ token: 'x' }),
  json,
)
/** A larger message ends the connection, which has its own test. */
const MAX_MESSAGE_BYTES = 12 * 1024
const message = fc
  .tuple(name, fc.array(payload, { maxLength: 2 }))
  .filter((one) => Buffer.byteLength(JSON.stringify(one)) < MAX_MESSAGE_BYTES)

/** Calls `act` for every value, at most `maxConcurrent` at a time. */
async function each<T>(
  values: Iterable<T>,
  maxConcurrent: number,
  act: (value: T) => Promise<void>,
): Promise<void> {
  const iterator = values[Symbol.iterator]()
  const worker = async (): Promise<void> => {
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) await act(next.value)
  }
  await Promise.all(Array.from({ length: maxConcurrent }, worker))
}

describe('a gateway under hostile traffic', () => {
  const onCleanUp = cleanUpAfterEach()
  const agent = new Agent({ keepAlive: true, maxSockets: MAX_CONCURRENT_WEBHOOKS })
  after(() => agent.destroy())

  /** Returns the status of the response, 0 if the connection was closed instead. */
  const post = (url: string, content: string, change: Readonly<Record<string, string>>) =>
    new Promise<number>((resolve) => {
      const search = new URLSearchParams({ ...signedQuery(), ...change }).toString()
      const call = request(`${url}/webhook?${search}`, { method: 'POST', agent }, (response) => {
        response.resume().once('end', () => resolve(response.statusCode ?? 0))
      })
      call.once('error', () => resolve(0)).end(content)
    })

  /** Runs ten parts. Returns how much larger the heap is after the last one than after the second, in bytes. */
  async function heapGrowth(
    gateway: GatewayProcess,
    part: (index: number) => Promise<void>,
  ): Promise<number> {
    const used: number[] = []
    for (let index = 0; index < 10; index++) {
      await part(index)
      used.push((await workOf(gateway)).heapBytes)
    }
    return (used[9] ?? NaN) - (used[1] ?? NaN)
  }

  const expectServing = async (gateway: GatewayProcess): Promise<void> => {
    const client = await connect(gateway.url, await adminToken())
    onCleanUp(client.close)
    await client.subscribe({ group: 'after-all' })
    const sample = recallBody({ GroupId: 'after-all', EventTime: Date.now() })
    expect(await post(gateway.url, JSON.stringify(sample), {})).to.equal(200)
    await client.count(1)
    const errors = gateway.output().match(/^\{"level":"(error|fatal)".*$/gm)
    expect(errors ?? []).to.deep.equal([])
  }

  it(`handles ${WEBHOOKS} random and mutated webhooks without leaking memory`, async function () {
    this.timeout(300_000)
    const gateway = await startGatewayProcess(COUNTING)
    onCleanUp(gateway.stop)
    const statuses = new Map<number, number>()
    const growth = await heapGrowth(gateway, (seed) =>
      each(
        fc.sample(fc.tuple(body, query), { numRuns: WEBHOOKS / 10, seed }),
        MAX_CONCURRENT_WEBHOOKS,
        async (one) => {
          const status = await post(gateway.url, ...one)
          statuses.set(status, (statuses.get(status) ?? 0) + 1)
        },
      ),
    )
    expect([...statuses.keys()]).to.have.members([200, 400, 401, 403])
    expect(statuses.get(200)).to.be.greaterThan(WEBHOOKS / 20)
    expect(growth).to.be.lessThan(MAX_HEAP_GROWTH_BYTES)
    await expectServing(gateway)
  })

  it(`handles ${SOCKETS * MESSAGES_PER_SOCKET} random and mutated socket messages without leaking memory`, async function () {
    this.timeout(300_000)
    const gateway = await startGatewayProcess(COUNTING)
    onCleanUp(gateway.stop)
    const tokens = [await adminToken(), await makeToken({ rooms: [{ group: 'g' }] })]
    const outcomes = new Map<unknown, number>()
    const growth = await heapGrowth(gateway, (seed) =>
      each(Array.from({ length: SOCKETS / 10 }).keys(), MAX_CONCURRENT_SOCKETS, async (index) => {
        const client = await connect(gateway.url, tokens[index % 2])
        const options = { numRuns: MESSAGES_PER_SOCKET, seed: seed * 100 + index }
        await each(fc.sample(message, options), MAX_CONCURRENT_MESSAGES, async ([event, values]) => {
          const response = (await client.socket
            .timeout(3_000)
            .emitWithAck(event as 'subscribe', ...(values as [never]))
            .catch(() => 'none')) as { code?: string } | 'none'
          const kind = response === 'none' ? response : (response.code ?? 'ok')
          outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1)
        })
        client.close()
      }),
    )
    const usual = ['ok', 'REQUEST_MALFORMED', 'ROOM_REFUSED', 'TOKEN_REFUSED']
    expect([...outcomes.keys()]).to.include.members(usual)
    expect([...usual, 'TOO_MANY_REQUESTS']).to.include.members([...outcomes.keys()])
    expect(outcomes.get('ok')).to.be.greaterThan(500)
    expect(growth).to.be.lessThan(MAX_HEAP_GROWTH_BYTES)
    await expectServing(gateway)
  })
})
