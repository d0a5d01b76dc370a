import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { RedisOptions } from 'ioredis'
import { fullJitterMs } from '../../../../shared/backoff.ts'
import { GatewayError } from '../../../../shared/errors.ts'
import type { Logger } from '../../../telemetry/logger.ts'
import { SCRIPTS } from '../scripts.ts'
import type { ScriptedRedis } from '../scripts.ts'
import { textOf } from './address.ts'
import type { Address, Locate, RedisEndpoint, RedisMode } from './address.ts'
import { connectorTo } from './connector.ts'

/** A frozen server neither replies nor closes the connection: only this ends the wait. */
export const COMMAND_TIMEOUT_MS = 1_000
const CONNECT_TIMEOUT_MS = 2_000
const MAX_RETRY_DELAY_MS = 2_000
const CLOSE_TIMEOUT_MS = 200

/** Replies of a server that does not, or no longer, hold the keys. Reconnecting finds the one that does. */
const MOVED_ERROR = /^(READONLY|MOVED)\b/

/** Sets every option that matters in an outage, because defaults differ between versions of the library. */
const OUTAGE_OPTIONS = {
  lazyConnect: true,
  // A command that cannot be sent fails immediately: callers have a fallback, a queue in memory has none.
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  // The subscriber resubscribes on its own and then tells its listeners to look for missed notices.
  autoResubscribe: false,
  enableReadyCheck: true,
  commandTimeout: COMMAND_TIMEOUT_MS,
  connectTimeout: CONNECT_TIMEOUT_MS,
  keepAlive: 30_000,
  retryStrategy: (attempt) => fullJitterMs(attempt, { baseMs: 50, maxMs: MAX_RETRY_DELAY_MS }),
  reconnectOnError: ({ message }) => MOVED_ERROR.test(message),
} satisfies RedisOptions

/** A connection to the server that holds the keys, wherever that is. */
export interface Connection {
  readonly client: ScriptedRedis
  /** Counts the connections that have ended. */
  readonly generation: () => number
  /** Replaces a connection that looks healthy but is not. */
  readonly reconnect: () => void
  /** Reconnects if another server holds the keys now. Never rejects. */
  readonly reconnectIfMoved: () => Promise<void>
}

interface ConnectionOptions {
  readonly endpoint: RedisEndpoint
  readonly role: 'commands' | 'subscriber'
}

interface ConnectionDependencies {
  readonly locate: Locate
  readonly log: Logger
}

/** Creates a connection without opening it; see `connectFirst`. */
export function createConnection(
  { endpoint, role }: ConnectionOptions,
  { locate, log }: ConnectionDependencies,
): Connection {
  let connectedTo: Address | undefined
  let generation = 0
  const { mode, username, password, tls, db } = endpoint
  const client = new Redis({
    ...OUTAGE_OPTIONS,
    Connector: connectorTo(
      { tls, masterOnly: mode !== 'single' },
      { locate, onAddress: (address) => (connectedTo = address) },
    ),
    scripts: SCRIPTS,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
    db,
    connectionName: `recall-gateway-${role}`,
    // CLIENT SETINFO would need a permission that nothing else needs.
    disableClientInfo: true,
    enableAutoPipelining: role === 'commands',
    // In a pipeline, WAIT would hold back the replies to the other commands. Recalls are batched already.
    autoPipeliningIgnoredCommands: ['wait', 'recallPublish'],
  }) as ScriptedRedis
  logOutages(client, role, log)
  client.on('close', () => generation++)
  // Emitted when the slot moves away: its channels move with it, and nothing else reveals that.
  client.on('moved', () => client.disconnect(true))

  return {
    client,
    generation: () => generation,
    reconnect: () => client.disconnect(true),
    async reconnectIfMoved() {
      if (client.status !== 'ready' || connectedTo === undefined) return
      const [from, before] = [textOf(connectedTo), generation]
      const to = await locate().then(textOf, () => from)
      if (to === from || generation !== before) return
      log.warn({ role, from, to }, 'Redis moved, reconnecting')
      client.disconnect(true)
    },
  }
}

/** Logs an outage once, and its end. A failure of the first connection is left to the caller of `connectFirst`. */
function logOutages(client: Redis, role: string, log: Logger): void {
  let wasConnected = false
  let isLogged = false
  client.on('error', (err: Error) => {
    if (wasConnected && !isLogged)
      log.warn({ role, reason: err.message }, 'Redis connection failed, retrying')
    isLogged = wasConnected
  })
  client.on('ready', () => {
    if (isLogged) log.info({ role }, 'Redis connection restored')
    wasConnected = true
    isLogged = false
  })
}

const WHERE: Readonly<Record<RedisMode, string>> = {
  single: 'at',
  sentinel: 'through the sentinels',
  cluster: 'through the cluster nodes',
}

/** Connects for the first time, or rejects with START_FAILED; the client then keeps trying on its own. */
export async function connectFirst(client: Redis, { mode, seeds }: RedisEndpoint): Promise<void> {
  // The reply to a wrong password arrives as an event; the connection then just closes.
  let lastError = ''
  const onError = (err: Error): void => void (lastError = err.message)
  client.on('error', onError)
  try {
    await client.connect()
  } catch (error) {
    const isRefused = /\b(WRONGPASS|NOAUTH|NOPERM)\b/.test(lastError)
    const what = isRefused ? 'Redis rejected the user or password' : 'cannot reach Redis'
    const where = `${WHERE[mode]} ${seeds.map(textOf).join(', ')}`
    const settings = mode === 'sentinel' ? 'REDIS_URL, REDIS_SENTINEL_NAME' : 'REDIS_URL'
    throw new GatewayError('START_FAILED', `${what} ${where} (${settings})`, { cause: error })
  } finally {
    client.off('error', onError)
  }
}

/** Rejects with START_FAILED unless the server accepts SPUBLISH to this channel; sharded channels came with Redis 7.0. */
export async function checkChannels(client: Redis, channel: string): Promise<void> {
  try {
    await client.spublish(channel, '')
  } catch (cause) {
    const why =
      "Redis rejected SPUBLISH: it must be 7.0 or newer, and its ACL must allow the gateway's channels (REDIS_URL)"
    throw new GatewayError('START_FAILED', why, { cause })
  }
}

/**
 * Warns of a Redis that evicts when it is full: recalled sets and positions would be lost silently. Only a warning, because
 * managed servers may hide the policy.
 */
export async function warnOfEviction(client: Redis, log: Logger): Promise<void> {
  const memory = await client.info('memory').catch(() => '')
  const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1]
  if (policy !== undefined && policy !== 'noeviction') {
    log.warn({ policy }, "Redis may evict the gateway's data: set maxmemory-policy to noeviction")
  }
}

/** Closes the connection for good. Stops waiting after 200 ms, because a client that is not connected emits no `end`. */
export async function disconnect(client: Redis): Promise<void> {
  const ended = new Promise<void>((resolve) => void client.once('end', resolve))
  client.disconnect()
  await Promise.race([ended, delay(CLOSE_TIMEOUT_MS)])
}
