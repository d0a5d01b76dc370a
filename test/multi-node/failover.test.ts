import { expect } from 'chai'
import { adminToken, connect } from '../support/client.ts'
import type { Client } from '../support/client.ts'
import { APP, startGatewayProcess } from '../support/gateway-process.ts'
import { startLoad } from '../support/load.ts'
import type { Load } from '../support/load.ts'
import { startRedisCluster } from '../support/redis-cluster.ts'
import { startRedisSentinels } from '../support/redis-sentinels.ts'
import { undoAfterEach } from '../support/undo.ts'
import { until } from '../support/wait.ts'

const GROUP = 'g'
/** Any name of the app: all are in one slot. */
const KEY = `recall-gateway:{${APP}}:recalled:group:${GROUP}`
const HEALED_WITHIN_MS = 20_000

describe('gateways whose Redis fails over under load', function () {
  this.timeout(40_000)
  const undo = undoAfterEach()

  const setUp = async (settings: Readonly<Record<string, string>>) => {
    const starting = ['receiver and node', 'node'].map(() => startGatewayProcess(settings))
    for (const one of starting) undo(() => one.then(({ stop }) => stop()).catch(() => undefined))
    const gateways = await Promise.all(starting)
    const clients: Client[] = []
    for (const { url } of gateways) {
      const client = await connect(url, await adminToken())
      undo(client.close)
      await client.subscribe({ group: GROUP })
      clients.push(client)
    }
    const [receiver] = gateways
    if (receiver === undefined) throw new Error('two gateways were started')
    const load = startLoad(receiver.url, GROUP)
    undo(load.stop)
    await until('recalls flow', () => clients.every(({ received }) => received.length >= 50))
    return { gateways, clients, load }
  }

  /** Ends the load once recalls go all the way again, and answers what the recalled set does not hold of those kept. */
  const healed = async ({
    gateways,
    clients,
    load,
  }: Awaited<ReturnType<typeof setUp>>): Promise<number[]> => {
    const isReady = async ({ url }: { url: string }) => (await fetch(`${url}/readyz`)).status === 200
    const areReady = async () => (await Promise.all(gateways.map(isReady))).every(Boolean)
    await until('the gateways are ready', areReady, HEALED_WITHIN_MS)
    const from = load.kept.length
    await until('webhooks are taken', () => load.kept.length > from + 50)
    await load.stop()
    const last = load.kept.at(-1) ?? 0
    const isThere = (client: Client): boolean => client.seqs().includes(last)
    await until('the last recall is everywhere', () => clients.every(isThere), HEALED_WITHIN_MS)
    const recalled = await Promise.all(
      pagesOf(load.kept).map(async (seqs) => {
        const answer = await clients[0]?.ask({ group: GROUP, seqs }, 'recalled')
        return answer?.ok && 'recalled' in answer ? answer.recalled.map(({ seq }) => seq) : []
      }),
    )
    const held = new Set(recalled.flat())
    return load.kept.filter((seq) => !held.has(seq))
  }

  /** Each recall answered 200 came once and in order, unless the sockets were told that some are missing. */
  const checkDelivery = (clients: readonly Client[], { kept }: Load): void => {
    for (const client of clients) {
      const seqs = client.seqs()
      if (client.gaps.length > 0) {
        expect(new Set(seqs).size, 'twice').to.equal(seqs.length)
        continue
      }
      expect(seqs.filter((seq) => kept.includes(seq))).to.deep.equal(kept)
      expect(seqs, 'in order').to.deep.equal(seqs.toSorted((a, b) => a - b))
    }
  }

  const SENTINEL = { REDIS_MODE: 'sentinel', REDIS_WAIT_REPLICAS: '1' }
  const CLUSTER = { REDIS_MODE: 'cluster', REDIS_WAIT_REPLICAS: '1' }
  for (const [fault, signal] of [
    ['is killed', 'SIGKILL'],
    ['freezes', 'SIGSTOP'],
  ] as const) {
    it(`lose nothing when the master of a Sentinel group ${fault}`, async () => {
      const redis = await startRedisSentinels()
      undo(redis.stop)
      const running = await setUp({ ...SENTINEL, REDIS_URL: redis.url })
      const [master] = redis.servers
      master.signal(signal)
      await until('another master', async () => (await redis.master()) !== master.port, HEALED_WITHIN_MS)
      expect(await healed(running)).to.deep.equal([])
      checkDelivery(running.clients, running.load)
    })

    it(`lose nothing when the master of their slot in a cluster ${fault}`, async () => {
      const redis = await startRedisCluster({ masters: 3, replicas: 3 })
      undo(redis.stop)
      await redis.giveReplica(KEY)
      const running = await setUp({ ...CLUSTER, REDIS_URL: redis.url })
      const master = await redis.owner(KEY)
      master.signal(signal)
      const isAnother = async () => (await redis.owner(KEY, master)) !== master
      await until('another master', isAnother, HEALED_WITHIN_MS)
      expect(await healed(running)).to.deep.equal([])
      checkDelivery(running.clients, running.load)
    })
  }

  it('lose nothing while their slot of a cluster moves to another master', async () => {
    const redis = await startRedisCluster({ masters: 3, replicas: 0 })
    undo(redis.stop)
    const running = await setUp({ ...CLUSTER, REDIS_WAIT_REPLICAS: '0', REDIS_URL: redis.url })
    const from = await redis.owner(KEY)
    const to = redis.nodes.find((node) => node !== from)
    if (to === undefined) throw new Error('there are three masters')
    const before = running.load.kept.length
    await redis.moveSlot(KEY, to, () =>
      until('webhooks in the middle', () => running.load.kept.length > before + 20),
    )
    expect(await redis.owner(KEY)).to.equal(to)
    expect(await healed(running)).to.deep.equal([])
    checkDelivery(running.clients, running.load)
    for (const { gaps } of running.clients) expect(gaps).to.be.empty
  })
})

const pagesOf = (seqs: readonly number[]): number[][] =>
  Array.from({ length: Math.ceil(seqs.length / 100) }, (_, i) => seqs.slice(i * 100, (i + 1) * 100))
