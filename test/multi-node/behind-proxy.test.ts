import { expect } from 'chai'
import { createClient } from 'redis'
import { io } from 'socket.io-client'
import { adminToken, connect } from '../support/client.ts'
import type { Client } from '../support/client.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { startNginx } from '../support/nginx-proxy.ts'
import type { NginxProxy } from '../support/nginx-proxy.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { withTimeout, waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody, signedQuery } from '../support/webhook.ts'

const GROUP = '@TGS#1'
/** How long the provider waits for a response. It retries only after this timeout. */
const PROVIDER_TIMEOUT_MS = 2_000

describe('receiver and nodes behind the proxy of docker-compose.yml', () => {
  const onCleanUp = cleanUpAfterEach()
  let redis: RedisServer
  let receiver: GatewayProcess
  let nodes: readonly [GatewayProcess, GatewayProcess]
  let proxy: NginxProxy

  beforeEach(async () => {
    redis = await startRedis()
    onCleanUp(() => redis.stop())
    const start = (ROLE: string): Promise<GatewayProcess> => {
      const starting = startGatewayProcess({ ROLE, REDIS_URL: redis.url, DRAIN_MS: '1000' })
      // Registered before the gateway has started, because another one may fail to start meanwhile.
      onCleanUp(() =>
        starting.then(
          (gateway) => gateway.stop(),
          () => undefined,
        ),
      )
      return starting
    }
    const [first, ...others] = await Promise.all([start('receiver'), start('node'), start('node')])
    receiver = first
    nodes = others
    proxy = await startNginx({ receiver: receiver.port, nodes: [nodes[0].port, nodes[1].port] })
    onCleanUp(() => proxy.stop())
  })

  const recall = async (seq: number): Promise<void> => {
    const body = recallBody({ GroupId: GROUP, MsgSeqList: [{ MsgSeq: seq }] })
    const { status } = await postWebhook(proxy.url, { body })
    expect(status).to.equal(200)
  }

  /** Connects sockets one after the other and subscribes them to the group. */
  const connectAll = async (
    count: number,
    options: Parameters<typeof connect>[2] = {},
  ): Promise<Client[]> => {
    const clients: Client[] = []
    for (let i = 0; i < count; i += 1) {
      const client = await connect(proxy.url, await adminToken(), options)
      onCleanUp(() => client.close())
      await client.subscribe({ group: GROUP })
      clients.push(client)
    }
    return clients
  }

  /** Counts the nodes that have subscribed to the group's channel in Redis. */
  const countSubscribedNodes = async (): Promise<number> => {
    const client = createClient({ url: redis.url })
    await client.connect()
    const channels = await client.pubSubShardChannels()
    const ofGroup = channels.filter((channel) => channel.includes(encodeURIComponent(GROUP)))
    const counts = await client.pubSubShardNumSub(ofGroup)
    client.destroy()
    return Object.values(counts).reduce((sum, count) => sum + count, 0)
  }

  const expectReceived = (clients: readonly Client[], seqs: readonly number[]): Promise<unknown> =>
    Promise.all(
      clients.map(async (client) => {
        await client.count(seqs.length)
        expect(client.seqs()).to.deep.equal(seqs)
      }),
    )

  it('delivers a webhook to the sockets of both nodes, once each', async () => {
    const clients = await connectAll(4)
    expect(await countSubscribedNodes()).to.equal(2)

    for (const seq of [130, 130, 131]) await recall(seq)

    await expectReceived(clients, [130, 131])
  })

  it('moves the sockets of a killed node to the other one, which delivers what they missed, once', async () => {
    const clients = await connectAll(4)
    await recall(130)
    await expectReceived(clients, [130])

    nodes[0].signal('SIGKILL')
    const isLost = ({ socket }: Client): boolean => !socket.connected
    await waitUntil('half of the sockets are disconnected', () => clients.filter(isLost).length === 2)
    const lost = clients.filter(isLost)
    await recall(131)
    for (const client of lost) {
      const connected = new Promise<void>((resolve) => void client.socket.once('connect', resolve))
      client.socket.connect()
      await withTimeout('the socket has reconnected', connected)
      const { recovered } = await client.subscribe({ group: GROUP, since: client.position() })
      expect(recovered).to.equal(1)
    }
    await recall(132)

    await expectReceived(clients, [130, 131, 132])
    expect(await countSubscribedNodes()).to.equal(1)
  })

  it('moves the sockets of a stopping node to the other one, and lets it exit with 0', async () => {
    const clients = await connectAll(12, { reconnection: true })
    const reconnected = new Set<Client>()
    for (const client of clients) client.socket.once('connect', () => reconnected.add(client))

    nodes[0].signal('SIGTERM')

    await waitUntil('half of the sockets have reconnected', () => reconnected.size === 6)
    expect(await withTimeout('the node stops', nodes[0].exited)).to.equal(0)
    expect(clients.filter(({ goodbyes }) => goodbyes.length > 0)).to.have.members([...reconnected])
  })

  it('accepts sockets of pages that it served, and of no other origin', async () => {
    const open = async (origin: string): Promise<string> => {
      const auth = { token: await adminToken() }
      const options = { transports: ['websocket'], reconnection: false, forceNew: true }
      const socket = io(proxy.url, { ...options, auth, extraHeaders: { Origin: origin } })
      onCleanUp(() => socket.close())
      const outcome = new Promise<string>((resolve) => {
        socket.once('connect', () => resolve('open')).once('connect_error', () => resolve('refused'))
      })
      return withTimeout('the handshake completes', outcome)
    }

    expect(await open(proxy.url)).to.equal('open')
    expect(await open('http://127.0.0.1')).to.equal('refused')
  })

  it('routes health checks to the live node while the other one is dead', async () => {
    nodes[1].signal('SIGKILL')
    await nodes[1].exited

    for (const path of ['/livez', '/livez', '/readyz', '/readyz']) {
      const response = await fetch(`${proxy.url}${path}`)
      expect(response.status, path).to.equal(200)
    }
  })

  it('does not expose the metrics', async () => {
    for (const path of ['/metrics', '/Metrics/', '/%6detrics']) {
      expect((await fetch(`${proxy.url}${path}`)).status, path).to.equal(404)
    }
  })

  it('lets the provider time out while the receiver is dead, because the provider does not retry after an error', async () => {
    receiver.signal('SIGKILL')
    await receiver.exited

    const startMs = performance.now()
    const { status, body } = await postWebhook(proxy.url)
    expect(performance.now() - startMs).to.be.above(PROVIDER_TIMEOUT_MS)
    // Who waits longer than the provider must not look for the fault in the token.
    expect(status).to.equal(503)
    expect(body).to.include({ ActionStatus: 'FAIL', ErrorCode: 503, retry: true })
    expect(body.ErrorInfo).to.include('NOT_KEPT')
  })

  it('never logs Sign in the proxy, whatever the outcome of the webhook', async () => {
    const query = signedQuery()
    await postWebhook(proxy.url, { query })
    await postWebhook(proxy.url, { query: { ...query, SdkAppid: '1' } })
    await postWebhook(proxy.url, { query, body: ' '.repeat(300_000) }).catch(() => undefined)
    receiver.signal('SIGKILL')
    await receiver.exited
    await postWebhook(proxy.url, { query }).catch(() => undefined)

    const log = await waitUntil('four webhooks are logged', () => {
      const text = proxy.log()
      return text.match(/POST webhook/g)?.length === 4 && text
    })
    expect(log).to.include(' 502').and.not.include('Sign=').and.not.include(query['Sign'])
  })
})
