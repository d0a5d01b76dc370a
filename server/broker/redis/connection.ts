import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import { GatewayError } from '../../../shared/errors.ts'
import type { Logger } from '../../ops/logger.ts'

/** A script call: how many of the following are keys, the keys, the arguments. */
type Script = (keys: number, ...keysAndArguments: (string | number)[]) => Promise<unknown>

export type ScriptedRedis = Redis & {
  readonly recallPublish: Script
  readonly recallHistory: Script
  readonly recallTop: Script
  readonly recallRenew: Script
}

/** A frozen server answers nothing and closes nothing: only this ends the wait for it. */
export const COMMAND_WITHIN_MS = 1_000
const CONNECT_WITHIN_MS = 2_000
const RETRY_AT_MOST_MS = 2_000

const script = (name: string): { readonly lua: string } => ({
  lua: readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8'),
})

/**
 * A client that is not connected yet. Every option that decides what happens in an outage is said here, because the
 * defaults of the library differ between its versions.
 */
export function createConnection(url: string, role: string, log: Logger): ScriptedRedis {
  const client = new Redis(url, {
    lazyConnect: true,
    connectionName: `recall-gateway-${role}`,
    enableAutoPipelining: role === 'commands',
    // What cannot be sent now is an error now: the caller knows what to do, a queue in memory does not.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    // The broker subscribes again by itself and then looks what was missed.
    autoResubscribe: false,
    commandTimeout: COMMAND_WITHIN_MS,
    connectTimeout: CONNECT_WITHIN_MS,
    keepAlive: 30_000,
    retryStrategy: (attempt) => Math.random() * Math.min(RETRY_AT_MOST_MS, 50 * 2 ** Math.min(attempt, 10)),
    scripts: {
      recallPublish: script('publish'),
      recallHistory: script('history'),
      recallTop: script('top'),
      recallRenew: script('renew'),
    },
  }) as ScriptedRedis
  let complained = false
  client.on('error', (err: Error) => {
    if (!complained)
      log.warn({ role, err: { message: err.message } }, 'Redis connection failed, trying again')
    complained = true
  })
  client.on('ready', () => {
    if (complained) log.info({ role }, 'Redis connection stands again')
    complained = false
  })
  return client
}

/** Connects for the first time. After a rejection the client goes on trying by itself. */
export async function connectFirst(client: Redis): Promise<void> {
  try {
    await client.connect()
  } catch (error) {
    const { host, port } = client.options
    throw new GatewayError('START_FAILED', `cannot reach Redis at ${host}:${port} (REDIS_URL)`, {
      cause: error,
    })
  }
}

/** Ends the connection for good and resolves once it is closed. */
export async function disconnect(client: Redis): Promise<void> {
  if (client.status === 'end' || client.status === 'wait') return
  const ended = once(client, 'end')
  client.disconnect()
  await ended
}
