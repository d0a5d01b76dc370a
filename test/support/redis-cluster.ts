import { createClient } from 'redis'
import { freePort } from './free-port.ts'
import { startRedis, SYNC_IMMEDIATELY } from './redis-server.ts'
import type { RedisServer } from './redis-server.ts'
import { waitUntil } from './wait.ts'

const SLOTS = 16_384

interface ClusterNode extends RedisServer {
  readonly id: string
  /** Sends a command to this very node. */
  command(...words: (string | number)[]): Promise<unknown>
}

export interface RedisCluster {
  /** All nodes, as REDIS_URL names them. */
  readonly url: string
  readonly nodes: readonly ClusterNode[]
  /** The node that owns the slot of this key, as another one than `notAsked` sees it. */
  owner(key: string, notAsked?: ClusterNode): Promise<ClusterNode>
  /** Puts a replica of another master under the owner of this slot, so that one is left to it after a failover. */
  giveReplica(key: string): Promise<void>
  /** Moves the slot of this key with all that is in it; `meanwhile` runs when half of the keys are there. */
  moveSlot(key: string, to: ClusterNode, meanwhile?: () => Promise<unknown>): Promise<void>
  stop(): Promise<void>
}

/** A cluster of real servers on loopback, once it takes writes and every replica is in step. */
export async function startRedisCluster(size: {
  readonly masters: number
  readonly replicas: number
}): Promise<RedisCluster> {
  const nodes = await Promise.all(Array.from({ length: size.masters + size.replicas }, startNode))
  const stop = async (): Promise<void> => void (await Promise.all(nodes.map((node) => node.stop())))
  try {
    await form(nodes, size.masters)
  } catch (error) {
    await stop()
    throw error
  }

  const owner: RedisCluster['owner'] = async (key, notAsked) => {
    const asked = nodes.find((node) => node !== notAsked)
    const slot = Number(await asked?.command('CLUSTER', 'KEYSLOT', key))
    const ranges = (await asked?.command('CLUSTER', 'SLOTS')) as [number, number, [string, number]][]
    const range = ranges.find(([from, to]) => from <= slot && slot <= to)
    const found = nodes.find(({ port }) => port === range?.[2][1])
    if (found === undefined) throw new Error(`nobody owns the slot ${slot}`)
    return found
  }

  return {
    url: nodes.map(({ url }) => url).join(','),
    nodes,
    owner,
    stop,
    async giveReplica(key) {
      const master = await owner(key)
      const masterOf = async (node: ClusterNode) =>
        /myself,slave (\w+)/.exec(String(await node.command('CLUSTER', 'NODES')))?.[1]
      for (const node of nodes.slice(size.masters)) {
        if ((await masterOf(node)) === master.id) continue
        await node.command('CLUSTER', 'REPLICATE', master.id)
        break
      }
      const inStep = async () => String(await master.command('INFO', 'replication')).match(/state=online/g)
      await waitUntil('two replicas are in step', async () => (await inStep())?.length === 2, 15_000)
    },
    async moveSlot(key, to, meanwhile) {
      const from = await owner(key)
      const slot = Number(await to.command('CLUSTER', 'KEYSLOT', key))
      await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id)
      await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id)
      const count = Number(await from.command('CLUSTER', 'COUNTKEYSINSLOT', slot))
      await moveKeys(from, to, slot, Math.ceil(count / 2))
      await meanwhile?.()
      while (await moveKeys(from, to, slot, 100)) continue
      const others = nodes.filter((node) => node !== from && node !== to)
      for (const node of [to, from]) await node.command('CLUSTER', 'SETSLOT', slot, 'NODE', to.id)
      // A replica refuses, and learns it from its master.
      const telling = others.map((node) => node.command('CLUSTER', 'SETSLOT', slot, 'NODE', to.id))
      await Promise.allSettled(telling)
    },
  }
}

/** Answers how many were moved. */
async function moveKeys(from: ClusterNode, to: ClusterNode, slot: number, most: number): Promise<number> {
  const keys = (await from.command('CLUSTER', 'GETKEYSINSLOT', slot, most)) as string[]
  if (keys.length > 0) await from.command('MIGRATE', '127.0.0.1', to.port, '', 0, 5_000, 'KEYS', ...keys)
  return keys.length
}

async function startNode(): Promise<ClusterNode> {
  const bus = String(await freePort())
  const clusterFlags = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', '--cluster-port', bus]
  // Replicas stay where tests put them.
  const flags = [...clusterFlags, '--cluster-allow-replica-migration', 'no', ...SYNC_IMMEDIATELY]
  const server = await startRedis({ flags })
  const command: ClusterNode['command'] = async (...words) => {
    const client = createClient({ url: server.url, RESP: 2, socket: { reconnectStrategy: false } })
    client.on('error', () => undefined)
    await client.connect()
    return client.sendCommand(words.map(String)).finally(() => client.destroy())
  }
  return { ...server, command, id: String(await command('CLUSTER', 'MYID')) }
}

async function form(nodes: readonly ClusterNode[], masters: number): Promise<void> {
  const [first] = nodes
  if (first === undefined) throw new Error('a cluster has nodes')
  const busPort = Number(((await first.command('CONFIG', 'GET', 'cluster-port')) as string[])[1])
  for (const [i, node] of nodes.entries()) {
    await node.command('CLUSTER', 'SET-CONFIG-EPOCH', i + 1)
    if (node !== first) await node.command('CLUSTER', 'MEET', '127.0.0.1', first.port, busPort)
    if (i >= masters) continue
    const [from, to] = [i, i + 1].map((part) => Math.floor((part * SLOTS) / masters))
    await node.command('CLUSTER', 'ADDSLOTSRANGE', from ?? 0, (to ?? 0) - 1)
  }
  await untilAll(nodes, 'know each other', ['CLUSTER', 'INFO'], `cluster_known_nodes:${nodes.length}`)
  for (const [i, node] of nodes.entries()) {
    const master = nodes[i % masters]
    if (i >= masters) await node.command('CLUSTER', 'REPLICATE', master?.id ?? '')
  }
  await untilAll(nodes, 'find the cluster whole', ['CLUSTER', 'INFO'], 'cluster_state:ok')
  const [own, replicas] = [nodes.slice(0, masters), nodes.slice(masters)]
  await untilAll(replicas, 'are in step', ['INFO', 'replication'], 'master_link_status:up')
  if (replicas.length > 0) {
    await untilAll(own, 'have a replica', ['INFO', 'replication'], 'state=online')
    await waitUntil(
      'all have heard of the replicas',
      async () => {
        const views = await Promise.all(nodes.map((node) => node.command('CLUSTER', 'NODES')))
        return views.every((view) => String(view).match(/slave/g)?.length === replicas.length)
      },
      15_000,
    )
  }
}

async function untilAll(nodes: readonly ClusterNode[], what: string, ask: string[], sign: string) {
  await waitUntil(
    `all nodes ${what}`,
    async () => {
      const answers = await Promise.all(nodes.map((node) => node.command(...ask)))
      return answers.every((answer) => String(answer).includes(sign))
    },
    15_000,
  )
}
