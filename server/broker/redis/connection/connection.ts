import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { RedisOptions } from 'ioredis'
import { fullJitterMs } from '../../../../shared/backoff.ts'
import { GatewayError } from '../../../../shared/errors.ts'
import type { Logger } from '../../../telemetry/logger.ts'
import { connectorTo } from './connector.ts'
import { SCRIPTS } from '../scripts.ts'
import type { ScriptedRedis } from '../scripts.ts'
import { textOf } from './address.ts'
import type { Address, Locate, RedisEndpoint, RedisMode } from './address.ts'

/** A frozen server answers nothing and closes nothing: only this ends the wait for it. */
export const COMMAND_TIMEOUT_MS = 1_000
const CONNECT_TIMEOUT_MS = 2_000
const MAX_RETRY_DELAY_MS = 2_000
const CLOSE_TIMEOUT_MS = 200

/** A server that answers so is not, or no longer, the one that holds our names: connecting again finds the one that is. */
const ELSEWHERE = /^(READONLY|MOVED)\b/

/** Every option that decides what happens in an outage, because the defaults of the library differ between its versions. */
const OUTAGE_OPTIONS = {
  lazyConnect: true,
  // What cannot be sent now is an error now: the caller knows what to do, a queue in memory does not.
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  // The broker subscribes again by itself and then looks what was missed.
  autoResubscribe: false,
  enableReadyCheck: true,
  commandTimeout: COMMAND_TIMEOUT_MS,
  connectTimeout: CONNECT_TIMEOUT_MS,
  keepAlive: 30_000,
  retryStrategy: (attempt) => fullJitterMs(attempt, { baseMs: 50, maxMs: MAX_RETRY_DELAY_MS }),
  reconnectOnError: ({ message }) => ELSEWHERE.test(message),
} satisfies RedisOptions

/** One connection to the server that holds our names, wherever that is. */
export interface Connection {
  readonly client: ScriptedRedis
  /** How many connections have ended so far. */
  readonly generation: () => number
  /** Connects anew, for a connection that looks well and is not. */
  readonly reconnect: () => void
  /** Connects anew if our names are held elsewhere by now. Never rejects. */
  readonly reconnectIfMoved: () => Promise<void>
}

interface ConnectionOptions {
  readonly target: RedisEndpoint
  readonly locate: Locate
  readonly role: 'commands' | 'subscriber'
}

/** A connection that is not made yet. */
export function createConnection({ target, locate, role }: ConnectionOptions, log: Logger): Connection {
  let connectedTo: Address | undefined
  let lives = 0
  const { mode, username, password, tls, db } = target
  const client = new Redis({
    ...OUTAGE_OPTIONS,
    Connector: connectorTo(
      { tls, onlyMaster: mode !== 'single' },
      { locate, onAddress: (address) => (connectedTo = address) },
    ),
    scripts: SCRIPTS,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
    db,
    connectionName: `recall-gateway-${role}`,
    // It would ask for rights that nothing else needs.
    disableClientInfo: true,
    enableAutoPipelining: role === 'commands',
    // In a pipeline the wait would hold back the answers to the others; recalls are gathered already.
    autoPipeliningIgnoredCommands: ['wait', 'recallPublish'],
  }) as ScriptedRedis
  logOutages(client, role, log)
  client.on('close', () => lives++)
  // A slot that moves away takes its channels along, and the server says no more than that.
  client.on('moved', () => client.disconnect(true))

  return {
    client,
    generation: () => lives,
    reconnect: () => client.disconnect(true),
    async reconnectIfMoved() {
      if (client.status !== 'ready' || connectedTo === undefined) return
      const [from, life] = [textOf(connectedTo), lives]
      const to = await locate().then(textOf, () => from)
      if (to === from || life !== lives) return
      log.warn({ role, from, to }, 'Redis is elsewhere by now, connecting there')
      client.disconnect(true)
    },
  }
}

/** The first connection is the business of who asked for it; later ones nobody waits for. */
function logOutages(client: Redis, role: string, log: Logger): void {
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
}

const WHERE: Readonly<Record<RedisMode, string>> = {
  single: 'at',
  sentinel: 'through the sentinels',
  cluster: 'in the cluster of',
}

/** Connects for the first time. After a rejection the client goes on trying by itself. */
export async function connectFirst(client: Redis, { mode, seeds }: RedisEndpoint): Promise<void> {
  // What the server says to a wrong password comes as an event; the connection then just closes.
  let said = ''
  const listen = (err: Error): void => void (said = err.message)
  client.on('error', listen)
  try {
    await client.connect()
  } catch (error) {
    const refused = /\b(WRONGPASS|NOAUTH|NOPERM)\b/.test(said)
    const what = refused ? 'Redis refused the user or password' : 'cannot reach Redis'
    const where = `${WHERE[mode]} ${seeds.map(textOf).join(', ')}`
    const settings = mode === 'sentinel' ? 'REDIS_URL, REDIS_SENTINEL_NAME' : 'REDIS_URL'
    throw new GatewayError('START_FAILED', `${what} ${where} (${settings})`, { cause: error })
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
  await Promise.race([ended, delay(CLOSE_TIMEOUT_MS)])
}

/** A Redis that evicts when full loses recalled sets, or the ends of logs, in silence. Only a warning: managed servers may hide it. */
export async function warnOfEviction(client: Redis, log: Logger): Promise<void> {
  const memory = await client.info('memory').catch(() => '')
  const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1]
  if (policy !== undefined && policy !== 'noeviction') {
    log.warn({ policy }, 'Redis may evict what the gateway keeps: set maxmemory-policy to noeviction')
  }
}
