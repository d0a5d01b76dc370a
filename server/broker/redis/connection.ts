import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
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
const CLOSE_WITHIN_MS = 200

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
  // The first connection is the business of who asked for it; later ones nobody waits for.
  let stood = false
  let complained = false
  client.on('error', (err: Error) => {
    if (stood && !complained) log.warn({ role, reason: err.message }, 'Redis connection failed, trying again')
    complained = stood
  })
  client.on('ready', () => {
    if (complained) log.info({ role }, 'Redis connection stands again')
    stood = true
    complained = false
  })
  return client
}

/** Connects for the first time. After a rejection the client goes on trying by itself. */
export async function connectFirst(client: Redis): Promise<void> {
  // What the server says to a wrong password comes as an event; the connection then just closes.
  let said = ''
  const listen = (err: Error): void => void (said = err.message)
  client.on('error', listen)
  try {
    await client.connect()
  } catch (error) {
    const { host, port } = client.options
    const refused = /^(WRONGPASS|NOAUTH|NOPERM)\b/.test(said)
    const what = refused ? 'Redis refused the user or password at' : 'cannot reach Redis at'
    throw new GatewayError('START_FAILED', `${what} ${host}:${port} (REDIS_URL)`, { cause: error })
  } finally {
    client.off('error', listen)
  }
}

/** Rejects with START_FAILED unless this server lets us publish to sharded channels, which came with Redis 7.0. */
export async function checkChannels(client: Redis, channel: string): Promise<void> {
  try {
    await client.spublish(channel, '')
  } catch (cause) {
    const why = 'Redis refuses SPUBLISH: it must be 7.0 or newer, and its ACL allow our channels (REDIS_URL)'
    throw new GatewayError('START_FAILED', why, { cause })
  }
}

/** Ends the connection for good, and resolves once it is closed or a moment is over: an idle client tells no end. */
export async function disconnect(client: Redis): Promise<void> {
  const ended = new Promise<void>((resolve) => void client.once('end', resolve))
  client.disconnect()
  await Promise.race([ended, delay(CLOSE_WITHIN_MS)])
}
