import { once } from 'node:events'
import { Agent, createServer, request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { CountedGateway, each } from '../support/counted-gateway.ts'
import type { StepsBetween } from '../support/counted-gateway.ts'
import { readBytes } from '../support/read-bytes.ts'
import { signedQuery } from '../support/webhook.ts'

const AFTER = 'Group.CallbackAfterSendMsg'
const BEFORE = 'Group.CallbackBeforeSendMsg'
const ANSWER = '{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}'
/** More than a chunk of what a socket reads. */
const LARGE_BYTES = 200_000
const REQUESTS = 400

/**
 * Guards against a large loss of what the relay adds to a backend, and of the requests per second that it passes on, with counts, which
 * are the same on any machine, however busy. `npm run bench -- relay` measures the times.
 */
describe('the work that the relay does', () => {
  const onCleanUp = cleanUpAfterEach()

  /** Starts a gateway in front of a backend that answers at once, and counts its connections. */
  async function start(answer = ANSWER) {
    const connections = { toBackend: 0 }
    const backend = createServer((asked, response) => {
      void readBytes(asked).then(() => response.setHeader('Content-Type', 'application/json').end(answer))
    })
    // A pause of the test is no reason for another connection.
    backend.keepAliveTimeout = 60_000
    backend.on('connection', () => connections.toBackend++)
    backend.listen(0, '127.0.0.1')
    await once(backend, 'listening')
    onCleanUp(async () => {
      backend.closeAllConnections()
      backend.close()
    })
    const gateway = await CountedGateway.start(undefined, {
      RELAY_URL: `http://127.0.0.1:${(backend.address() as AddressInfo).port}/im`,
      RELAY_FALLBACK: 'deny',
    })
    onCleanUp(gateway.process.stop)
    return { gateway, connections }
  }

  interface Load {
    readonly command: string
    readonly requests?: number
    readonly concurrent?: number
    /** Of each body. */
    readonly bytes?: number
  }

  /** Relays requests, over connections that are kept. */
  async function send(
    { process: { port } }: CountedGateway,
    { command, requests = REQUESTS, concurrent = 1, bytes = 400 }: Load,
  ) {
    const agent = new Agent({ keepAlive: true, maxSockets: concurrent })
    const body = JSON.stringify({ CallbackCommand: command, GroupId: '@TGS#1', Text: 'x'.repeat(bytes) })
    const path = `/webhook?${new URLSearchParams(signedQuery(command)).toString()}`
    let left = requests
    const post = async (): Promise<void> => {
      for (; left > 0;) {
        left--
        const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length }
        const asked = request({ agent, port, method: 'POST', path, headers }).end(body)
        const [response] = (await once(asked, 'response')) as [IncomingMessage]
        expect((await readBytes(response)).toString()).to.include('"ErrorCode":0')
      }
    }
    await Promise.all(Array.from({ length: concurrent }, post))
    agent.destroy()
  }

  /** Relays requests after some that open what is kept. Returns what each has cost. */
  async function costOf(gateway: CountedGateway, load: Load): Promise<StepsBetween> {
    await send(gateway, load)
    const counted = await gateway.count()
    await send(gateway, load)
    return each(await counted(), load.requests ?? REQUESTS)
  }

  for (const command of [BEFORE, AFTER])
    it(`is few steps for a request, on connections that are kept (${command})`, async () => {
      const { gateway, connections } = await start()
      for (const concurrent of [1, 16]) {
        const cost = await costOf(gateway, { command, concurrent })
        expect(connections.toBackend, 'connections').to.be.at.most(concurrent)
        // One to the backend, one to the provider, and none to a disk.
        expect(cost.writes, 'writes').to.be.below(2.5)
        // 0.005, 40, 14, and 6 on Node 20 when these limits were set, of which undici has asked for most.
        expect(cost.encodings, 'encodings').to.be.below(0.5)
        expect(cost.promises, 'promises').to.be.below(50)
        expect(cost.ticks, 'ticks').to.be.below(18)
        expect(cost.timers, 'timers').to.be.below(8)
        // 205 and 600 when these limits were set.
        expect(cost.copiedBytes, 'copied bytes').to.be.below(600)
        expect(cost.convertedBytes, 'converted bytes').to.be.below(1_200)
      }
    })

  it('copies a large body once, and reads it once', async () => {
    const { gateway } = await start()
    for (const command of [BEFORE, AFTER]) {
      const cost = await costOf(gateway, { command, bytes: LARGE_BYTES, requests: 50 })
      // Of its chunks.
      expect(cost.copiedBytes, 'copied bytes').to.be.below(1.1 * LARGE_BYTES)
      expect(cost.convertedBytes, 'converted bytes').to.be.below(1.1 * LARGE_BYTES)
    }
  })

  it('copies a large answer once, but for the parser of undici', async () => {
    const { gateway } = await start(JSON.stringify({ ErrorCode: 0, Text: 'x'.repeat(LARGE_BYTES) }))
    const cost = await costOf(gateway, { command: BEFORE, requests: 50 })
    expect(cost.copiedBytes, 'copied bytes').to.be.below(2.1 * LARGE_BYTES)
    // Nobody reads it.
    expect(cost.convertedBytes, 'converted bytes').to.be.below(2_000)
  })
})
