import { expect } from 'chai'
import { startBackend } from './backend-process.ts'
import { adminToken, connect } from './client.ts'
import { startGatewayProcess, WEBHOOK_TOKEN } from './gateway-process.ts'
import type { GatewayProcess } from './gateway-process.ts'
import { startRedis } from './redis-server.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { waitUntil } from './wait.ts'
import { postWebhook, recallBody, signedQuery } from './webhook.ts'

/** One process of each role on one Redis that persists, which is well, and in which everything that is counted can happen. */
export interface ObservedSystem {
  readonly receiver: GatewayProcess
  readonly node: GatewayProcess
  readonly all: GatewayProcess
  /** Sends webhooks, and lets sockets receive them, so that everything is counted. */
  exercise(): Promise<void>
  /** Posts a recall to each process that takes webhooks. */
  recall(): Promise<void>
  /** SIGKILL. */
  killRedis(): Promise<void>
  /** Starts Redis again, with what it had stored. */
  restartRedis(): Promise<void>
  stop(): Promise<void>
}

export async function startObservedSystem(): Promise<ObservedSystem> {
  const undo: (() => unknown)[] = []
  const folder = temporaryFolder()
  undo.push(folder.remove)
  let redis = await startRedis({ dataDir: folder.path })
  const { port } = redis
  undo.push(() => redis.stop())
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
  const client = await connect(node.url, await adminToken())
  undo.push(client.close)
  const { position } = await client.subscribe({ feed: true })
  let seq = 0

  async function recall(): Promise<void> {
    for (const { url } of [receiver, all]) {
      const body = recallBody({ MsgSeqList: [{ MsgSeq: ++seq }], EventTime: Date.now() })
      expect((await postWebhook(url, { body })).body).to.include({ ActionStatus: 'OK' })
    }
  }

  return {
    receiver,
    node,
    all,
    recall,

    async exercise() {
      for (const { url } of [receiver, all]) {
        await postWebhook(url, { query: { ...signedQuery(), Sign: 'f'.repeat(64) } })
        const command = 'Group.CallbackAfterSendMsg'
        await postWebhook(url, {
          query: signedQuery(command),
          body: { CallbackCommand: command, GroupId: 'g' },
        })
      }
      await recall()
      await waitUntil('all notices', () => client.received.length === seq)
      const returning = await connect(node.url, await adminToken())
      await returning.subscribe({ feed: true, since: position })
      await waitUntil('all notices again', () => returning.received.length === seq)
      returning.close()
    },

    killRedis: () => redis.stop(),

    async restartRedis() {
      redis = await startRedis({ port, dataDir: folder.path })
    },

    async stop() {
      for (const step of undo.toReversed()) await step()
    },
  }
}
