import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { startGatewayProcess } from '../support/gateway-process.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RedisServer } from '../support/redis-server.ts'

const PLAIN = fileURLToPath(new URL('./plain-server.js', import.meta.url))

/** As in production, except for the limits that sockets of one machine would reach. */
const SETTINGS = { NODE_ENV: 'production', MAX_SOCKETS: '100000', MAX_SOCKETS_PER_ADDRESS: '100000' }

interface Node {
  readonly port: number
  readonly pid: number
  readonly stop: () => Promise<unknown>
}

/** One of the compared servers: its nodes, and a Redis of its own. */
export interface Peer {
  readonly nodes: readonly Node[]
  readonly redis: RedisServer | undefined
  stop(): Promise<void>
}

const urlOf = (redis: RedisServer | undefined) => (redis === undefined ? {} : { REDIS_URL: redis.url })

async function startGatewayNode(redis: RedisServer | undefined): Promise<Node> {
  return startGatewayProcess({ ...SETTINGS, ...urlOf(redis) })
}

async function startPlainNode(redis: RedisServer | undefined): Promise<Node> {
  const child = fork(PLAIN, { env: { ...process.env, NODE_ENV: 'production', ...urlOf(redis) } })
  const exited = once(child, 'exit')
  const started = await Promise.race([once(child, 'message'), exited.then(() => undefined)])
  if (started === undefined || child.pid === undefined) throw new Error('the plain server did not start')
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exited
  }
  return { port: Number(started[0]), pid: child.pid, stop }
}

const START_NODE = { gateway: startGatewayNode, plain: startPlainNode } as const

export type PeerName = keyof typeof START_NODE
export const PEERS = Object.keys(START_NODE) as readonly PeerName[]

export interface PeerOptions {
  readonly nodes?: number
  /** Whether the gateway runs without Redis: it then flushes to its disk before the response. */
  readonly isEmbedded?: boolean
}

export async function startPeer(
  name: PeerName,
  { nodes: nodeCount = 1, isEmbedded = false }: PeerOptions,
): Promise<Peer> {
  const redis = isEmbedded ? undefined : await startRedis()
  const nodes: Node[] = []
  const stop = async (): Promise<void> => {
    for (const node of nodes) await node.stop()
    await redis?.stop()
  }
  try {
    for (let i = 0; i < nodeCount; i++) nodes.push(await START_NODE[name](redis))
  } catch (error) {
    await stop()
    throw error
  }
  return { nodes, redis, stop }
}
