import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from 'redis'
import { freePort } from './free-port.ts'
import { programPath } from './programs.ts'
import { canConnect, startRedis, SYNC_IMMEDIATELY } from './redis-server.ts'
import type { RedisServer } from './redis-server.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { waitUntil } from './wait.ts'

const NAME = 'mymaster'

export interface RedisSentinels {
  /** The sentinels, in the format of REDIS_URL. */
  readonly url: string
  /** The master at the start, then its two replicas. */
  readonly servers: readonly [RedisServer, RedisServer, RedisServer]
  /** Returns the port of the server that the sentinels currently consider the master. */
  master(): Promise<number>
  stop(): Promise<void>
}

/**
 * Starts a master and two replicas, watched by three sentinels. Resolves once the sentinels know each other and the
 * replicas.
 */
export async function startRedisSentinels(): Promise<RedisSentinels> {
  const master = await startRedis({ flags: SYNC_IMMEDIATELY })
  const replicaOf = [...SYNC_IMMEDIATELY, '--replicaof', '127.0.0.1', String(master.port)]
  const [first, second] = await Promise.all([
    startRedis({ flags: replicaOf }),
    startRedis({ flags: replicaOf }),
  ])
  const servers = [master, first, second] as const
  const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(master.port)))
  const query = async (port: number, ...command: string[]): Promise<unknown> => {
    const client = await createClient({ url: `redis://127.0.0.1:${port}`, RESP: 2 }).connect()
    return client.sendCommand(command).finally(() => client.destroy())
  }
  const parts = [...sentinels, ...servers]
  await waitUntil('the sentinels know each other and the replicas', async () => {
    const areComplete = await Promise.all(
      sentinels.map(async ({ port }) => {
        const others = (await query(port, 'SENTINEL', 'SENTINELS', NAME)) as unknown[]
        const replicas = (await query(port, 'SENTINEL', 'REPLICAS', NAME)) as string[][]
        const linked = replicas.filter((fields) => fields[fields.indexOf('master-link-status') + 1] === 'ok')
        return others.length === 2 && linked.length === 2
      }),
    )
    return areComplete.every(Boolean)
  }).catch(async (error: unknown) => {
    await Promise.all(parts.map((part) => part.stop()))
    throw error
  })
  return {
    url: sentinels.map(({ port }) => `redis://127.0.0.1:${port}`).join(','),
    servers,
    async master() {
      const address = await query(sentinels[0]?.port ?? 0, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME)
      return Number((address as string[])[1])
    },
    async stop() {
      await Promise.all(parts.map((part) => part.stop()))
    },
  }
}

interface SentinelOptions {
  /** How many sentinels must agree. Default: 2. */
  readonly quorum?: number
  /** Further lines of its configuration. */
  readonly lines?: readonly string[]
}

/** Starts one sentinel that watches this master. */
export async function startSentinel(
  masterPort: number,
  { quorum = 2, lines: more = [] }: SentinelOptions = {},
) {
  const port = await freePort()
  const folder = temporaryFolder()
  const file = join(folder.path, 'sentinel.conf')
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${folder.path}`,
    `sentinel monitor ${NAME} 127.0.0.1 ${masterPort} ${quorum}`,
    `sentinel down-after-milliseconds ${NAME} 1500`,
    `sentinel failover-timeout ${NAME} 5000`,
    `sentinel parallel-syncs ${NAME} 1`,
    ...more,
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  const server = spawn(programPath('redis'), [file, '--sentinel'], { stdio: 'ignore' })
  const exited = once(server, 'exit')
  await waitUntil(`a sentinel listens on ${port}`, () => canConnect(port))
  return {
    port,
    async stop() {
      server.kill('SIGKILL')
      await exited
      folder.remove()
    },
  }
}
