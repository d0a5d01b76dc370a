import { startBackend } from './backend-process.ts'
import { adminToken, connect } from './client.ts'
import type { Client } from './client.ts'
import { startGatewayProcess, WEBHOOK_TOKEN } from './gateway-process.ts'
import type { GatewayProcess } from './gateway-process.ts'
import { startRedis } from './redis-server.ts'
import type { RedisServer } from './redis-server.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { waitUntil } from './wait.ts'
import { postWebhook, recallBody, signedQuery } from './webhook.ts'

/** One process of each role on one Redis that persists, which is well, and in which everything that is counted can happen. */
export interface ObservedSystem {
  readonly receiver: GatewayProcess
  readonly node: GatewayProcess
  readonly all: GatewayProcess
  readonly redis: RedisServer
  /** Where Redis keeps its data: another one can be started on it. */
  readonly redisFolder: string
  /** Sends webhooks, and lets sockets receive them, so that every metric with labels has a series. */
  exercise(): Promise<void>
  stop(): Promise<void>
}

export async function startObservedSystem(): Promise<ObservedSystem> {
  const undo: (() => unknown)[] = []
  const folder = temporaryFolder()
  undo.push(folder.remove)
  const redis = await startRedis({ dataDir: folder.path })
  undo.push(redis.stop)
  const backend = await startBackend({ token: WEBHOOK_TOKEN })
  undo.push(backend.stop)
  const start = async (settings: Readonly<Record<string, string>>): Promise<GatewayProcess> => {
    const gateway = await startGatewayProcess({ REDIS_URL: redis.url, ...settings })
    undo.push(gateway.stop)
    return gateway
  }
  const relay = { RELAY_URL: backend.url, RELAY_FALLBACK: 'allow' }
  const [receiver, node, all] = await Promise.all([
    start({ ROLE: 'receiver', ...relay }),
    start({ ROLE: 'node' }),
    start({ ROLE: 'all' }),
  ])
  const clients: Client[] = []
  undo.push(() => clients.forEach((client) => client.close()))
  let seq = 1

  return {
    receiver,
    node,
    all,
    redis,
    redisFolder: folder.path,

    async exercise() {
      const client = await connect(node.url, await adminToken())
      clients.push(client)
      const { position } = await client.subscribe({ feed: true })
      for (const { url } of [receiver, all]) {
        await postWebhook(url, {
          body: recallBody({ MsgSeqList: [{ MsgSeq: seq++ }], EventTime: Date.now() }),
        })
        await postWebhook(url, { query: { ...signedQuery(), Sign: 'f'.repeat(64) } })
        const command = 'Group.CallbackAfterSendMsg'
        await postWebhook(url, {
          query: signedQuery(command),
          body: { CallbackCommand: command, GroupId: 'g' },
        })
      }
      await waitUntil('both notices', () => client.received.length === 2)
      const returning = await connect(node.url, await adminToken())
      clients.push(returning)
      await returning.subscribe({ feed: true, since: position })
      await waitUntil('both notices again', () => returning.received.length === 2)
    },

    async stop() {
      for (const step of undo.toReversed()) await step()
    },
  }
}
