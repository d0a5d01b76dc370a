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
import { CLOSED_BEFORE_ANSWER, describeToOperator, explain, STILL_LOADING } from './failure.ts'
import type { Failure, Place } from './failure.ts'
import { Outage } from './outage.ts'

/** A frozen server neither replies nor closes the connection: only this ends the wait. */
export const COMMAND_TIMEOUT_MS = 1_000
const CONNECT_TIMEOUT_MS = 2_000
const MAX_RETRY_DELAY_MS = 2_000
const CLOSE_TIMEOUT_MS = 200
/** Once the data is loaded, the next check of a server that is starting must not be long in coming. */
const LOADING_CHECK_INTERVAL_MS = 1_000
const LOADING_REPORT_INTERVAL_MS = 2 * COMMAND_TIMEOUT_MS

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
  maxLoadingRetryTime: LOADING_CHECK_INTERVAL_MS,
  commandTimeout: COMMAND_TIMEOUT_MS,
  connectTimeout: CONNECT_TIMEOUT_MS,
  keepAlive: 30_000,
  retryStrategy: (attempt) => fullJitterMs(attempt, { baseMs: 50, maxMs: MAX_RETRY_DELAY_MS }),
  reconnectOnError: ({ message }) => MOVED_ERROR.test(message),
} satisfies RedisOptions

/** A connection to the server that holds the keys, wherever that is. */
export interface Connection {
  readonly client: ScriptedRedis
  /** Connects for the first time, or rejects with START_FAILED and the cause; it then keeps trying on its own. */
  readonly open: () => Promise<void>
  /** Closes the connection for good. Stops waiting after 200 ms, because a client that is not connected emits no `end`. */
  readonly close: () => Promise<void>
  /** Why there is no connection; undefined while there is one. */
  readonly failure: () => Failure | undefined
  /** Counts the connections that have ended. */
  readonly generation: () => number
  /** Replaces a connection that looks healthy but is not. */
  readonly reconnect: () => void
  /** Reconnects if another server holds the keys now. Never rejects. */
  readonly reconnectIfMoved: () => Promise<void>
}

export interface ConnectionOptions {
  readonly endpoint: RedisEndpoint
  readonly role: 'commands' | 'recalls' | 'subscriber'
  /** Whose it is, if not a gateway's own, for those who read CLIENT LIST. */
  readonly owner?: 'doctor'
}

export interface ConnectionDependencies {
  readonly locate: Locate
  readonly log: Logger
}

/** Creates a connection without opening it. */
export function createConnection(
  { endpoint, role, owner }: ConnectionOptions,
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
    connectionName: ['recall-gateway', owner, role].filter((part) => part !== undefined).join('-'),
    // CLIENT SETINFO would need a permission that nothing else needs.
    disableClientInfo: true,
    enableAutoPipelining: role === 'commands',
    // Recalls are batched already.
    autoPipeliningIgnoredCommands: ['recallPublish'],
  }) as ScriptedRedis
  const attempts = followAttempts(client, { place: { mode, tls }, role, address: () => connectedTo, log })
  client.on('close', () => generation++)
  // Emitted when the slot moves away: its channels move with it, and nothing else reveals that.
  client.on('moved', () => client.disconnect(true))

  return {
    client,

    async open() {
      try {
        await client.connect()
      } catch (error) {
        const failure = attempts.failure() ?? explain(error, { mode, tls })
        throw new GatewayError('START_FAILED', describeStartFailure(failure, endpoint), { cause: error })
      } finally {
        // Until now the caller reports what goes wrong.
        attempts.startLogging()
      }
    },

    async close() {
      attempts.stop()
      const ended = new Promise<void>((resolve) => void client.once('end', resolve))
      client.disconnect()
      await Promise.race([ended, delay(CLOSE_TIMEOUT_MS)])
    },

    failure: attempts.failure,
    generation: () => generation,
    // One that is not up is replaced anyway. Cut by us, it would look as if the server had closed it.
    reconnect: () => void (client.status === 'ready' && client.disconnect(true)),

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

interface AttemptDependencies {
  readonly place: Place
  readonly role: string
  /** The server of the latest attempt. */
  readonly address: () => Address | undefined
  readonly log: Logger
}

/** Follows the attempts to connect, and knows why the latest one failed. */
function followAttempts(client: Redis, { place, role, address, log }: AttemptDependencies) {
  const outage = new Outage(
    { failed: 'Redis connection failed, retrying', restored: 'Redis connection restored', fields: { role } },
    log,
  )
  let isSilent = true
  let isReady = false
  let isStopped = false
  let error: Error | undefined
  let loading: NodeJS.Timeout | undefined
  const failed = (failure: Failure): void => {
    if (!isStopped) outage.failed(failure, { silently: isSilent })
  }

  const withAddress = (failure: Failure): Failure => {
    const server = address()
    return server === undefined ? failure : { ...failure, words: `${textOf(server)}: ${failure.words}` }
  }

  client.on('error', (err: Error) => {
    // Others may follow from the first; what the server said explains more than how it closed.
    if (error === undefined || (err.name === 'ReplyError' && error.name !== 'ReplyError')) error = err
    // The client would carry on in database 0.
    if (isAboutDatabase(err)) client.disconnect(true)
  })
  client.on('connect', () => {
    clearInterval(loading)
    // The client asks until the data is loaded, and tells nobody. A server that does not answer at all is given up before.
    loading = setInterval(
      () => !isStopped && outage.failed(STILL_LOADING),
      LOADING_REPORT_INTERVAL_MS,
    ).unref()
  })
  client.on('ready', () => {
    clearInterval(loading)
    isReady = true
    error = undefined
    outage.ended()
  })
  client.on('close', () => {
    // A working connection that ends without an error was closed on purpose, here or there. If it does not come back, the
    // next attempt says why.
    const cause = error ?? (isReady ? undefined : CLOSED_BEFORE_ANSWER)
    if (cause !== undefined) failed(withAddress(explain(cause, place)))
    clearInterval(loading)
    isReady = false
    error = undefined
  })

  return {
    failure: () => outage.failure,
    startLogging: () => void (isSilent = false),
    stop(): void {
      isStopped = true
      clearInterval(loading)
    },
  }
}

const isAboutDatabase = (error: Error): boolean =>
  (error as { readonly command?: { readonly name?: string } }).command?.name === 'select'

const WHERE: Readonly<Record<RedisMode, string>> = {
  single: 'at',
  sentinel: 'through the sentinels',
  cluster: 'through the cluster nodes',
}

function describeStartFailure(failure: Failure, { mode, seeds }: RedisEndpoint): string {
  const isPassword = ['WRONGPASS', 'NOAUTH'].includes(failure.code)
  const what = isPassword ? 'Redis rejected the user or password' : 'cannot reach Redis'
  return `${what} ${WHERE[mode]} ${seeds.map(textOf).join(', ')}: ${describeToOperator(failure)}`
}
