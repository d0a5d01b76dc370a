import { createClient } from 'redis'
import { freePort } from './free-port.ts'
import { startRedis, SYNC_IMMEDIATELY } from './redis-server.ts'
import type { RedisServer } from './redis-server.ts'
import { waitUntil } from './wait.ts'

const SLOTS = 16_384

interface ClusterNode extends RedisServer {
  readonly id: string
  /** Sends a command to this node. */
  command(...words: (string | number)[]): Promise<unknown>
}

export interface RedisCluster {
  /** All nodes, in the format of REDIS_URL. */
  readonly url: string
  readonly nodes: readonly ClusterNode[]
  /** Returns the node that owns the slot of this key, according to a node other than `except`. */
  owner(key: string, except?: ClusterNode): Promise<ClusterNode>
  /** Moves a replica of another master to the owner of this key's slot, so that one is left after a failover. */
  addReplica(key: string): Promise<void>
  /** Moves the slot of this key with all its keys; `meanwhile` runs once half of them have moved. */
  moveSlot(key: string, to: ClusterNode, meanwhile?: () => Promise<unknown>): Promise<void>
  stop(): Promise<void>
}

/** Starts a cluster of real servers on loopback. Resolves once it accepts writes and every replica is in sync. */
export async function startRedisCluster(size: {
  readonly masters: number
  readonly replicas: number
}): Promise<RedisCluster> {
  // Without replicas, nobody takes over: one that answers late must not be taken for dead.
  const timeoutMs = size.replicas > 0 ? 2_000 : 20_000
  const nodes = await Promise.all(
    Array.from({ length: size.masters + size.replicas }, () => startNode(timeoutMs)),
  )
  const stop = async (): Promise<void> => void (await Promise.all(nodes.map((node) => node.stop())))
  try {
    await formCluster(nodes, size.masters)
  } catch (error) {
    await stop()
    throw error
  }

  const owner: RedisCluster['owner'] = async (key, except) => {
    const source = nodes.find((node) => node !== except)
    const slot = Number(await source?.command('CLUSTER', 'KEYSLOT', key))
    const ranges = (await source?.command('CLUSTER', 'SLOTS')) as [number, number, [string, number]][]
    const range = ranges.find(([from, to]) => from <= slot && slot <= to)
    const found = nodes.find(({ port }) => port === range?.[2][1])
    if (found === undefined) throw new Error(`no node owns slot ${slot}`)
    return found
  }

  return {
    url: nodes.map(({ url }) => url).join(','),
    nodes,
    owner,
    stop,
    async addReplica(key) {
      const master = await owner(key)
      const masterOf = async (node: ClusterNode) =>
        /myself,slave (\w+)/.exec(String(await node.command('CLUSTER', 'NODES')))?.[1]
      for (const node of nodes.slice(size.masters)) {
        if ((await masterOf(node)) === master.id) continue
        await node.command('CLUSTER', 'REPLICATE', master.id)
        break
      }
      const onlineReplicas = async () =>
        String(await master.command('INFO', 'replication')).match(/state=online/g)
      await waitUntil('two replicas are in sync', async () => (await onlineReplicas())?.length === 2)
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
      // Replicas refuse, and learn it from their masters.
      const updates = others.map((node) => node.command('CLUSTER', 'SETSLOT', slot, 'NODE', to.id))
      await Promise.allSettled(updates)
    },
  }
}

/** Starts a cluster of one server that owns all slots: as much as discovery and permissions need. */
export async function startClusterOfOne(flags: readonly string[] = []): Promise<ClusterNode> {
  const node = await startNode(20_000, flags)
  await node.command('CLUSTER', 'ADDSLOTSRANGE', 0, SLOTS - 1)
  await untilAll([node], 'sees a complete cluster', ['CLUSTER', 'INFO'], 'cluster_state:ok')
  return node
}

/** Moves at max `max` keys. Returns how many. */
async function moveKeys(from: ClusterNode, to: ClusterNode, slot: number, max: number): Promise<number> {
  const keys = (await from.command('CLUSTER', 'GETKEYSINSLOT', slot, max)) as string[]
  if (keys.length > 0) await from.command('MIGRATE', '127.0.0.1', to.port, '', 0, 5_000, 'KEYS', ...keys)
  return keys.length
}

async function startNode(timeoutMs: number, more: readonly string[] = []): Promise<ClusterNode> {
  const bus = String(await freePort())
  const timeout = ['--cluster-node-timeout', String(timeoutMs)]
  const clusterFlags = ['--cluster-enabled', 'yes', ...timeout, '--cluster-port', bus]
  // Replicas stay where tests put them.
  const flags = [...clusterFlags, '--cluster-allow-replica-migration', 'no', ...SYNC_IMMEDIATELY, ...more]
  const server = await startRedis({ flags })
  const command: ClusterNode['command'] = async (...words) => {
    const client = createClient({ url: server.url, RESP: 2, socket: { reconnectStrategy: false } })
    client.on('error', () => undefined)
    try {
      await client.connect()
      return await client.sendCommand(words.map(String))
    } catch (error) {
      throw new Error(`${words.join(' ')} on ${server.port} failed`, { cause: error })
    } finally {
      client.destroy()
    }
  }
  return { ...server, command, id: String(await command('CLUSTER', 'MYID')) }
}

async function formCluster(nodes: readonly ClusterNode[], masters: number): Promise<void> {
  const [first] = nodes
  if (first === undefined) throw new Error('a cluster needs nodes')
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
  await untilAll(nodes, 'see a complete cluster', ['CLUSTER', 'INFO'], 'cluster_state:ok')
  const [masterNodes, replicas] = [nodes.slice(0, masters), nodes.slice(masters)]
  await untilAll(replicas, 'are in sync', ['INFO', 'replication'], 'master_link_status:up')
  if (replicas.length > 0) {
    await untilAll(masterNodes, 'have a replica', ['INFO', 'replication'], 'state=online')
    await waitUntil('all nodes know the replicas', async () => {
      const views = await Promise.all(nodes.map((node) => node.command('CLUSTER', 'NODES')))
      return views.every((view) => String(view).match(/slave/g)?.length === replicas.length)
    })
  }
}

async function untilAll(
  nodes: readonly ClusterNode[],
  description: string,
  command: string[],
  expected: string,
) {
  await waitUntil(`all nodes ${description}`, async () => {
    const replies = await Promise.all(nodes.map((node) => node.command(...command)))
    return replies.every((reply) => String(reply).includes(expected))
  })
}
