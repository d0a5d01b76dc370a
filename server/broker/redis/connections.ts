import type { RedisEndpoint } from './connection/address.ts'
import type { RedisMetrics } from '../../telemetry/metrics-port.ts'
import { createConnection } from './connection/connection.ts'
import type { Connection, ConnectionDependencies, ConnectionOptions } from './connection/connection.ts'
import { replyIn } from './connection/failure.ts'
import type { Failure } from './connection/failure.ts'

interface ConnectionsOptions {
  readonly endpoint: RedisEndpoint
  /** Whether recalls wait for replicas or a disk. WAIT blocks what follows on its connection, so they have one of their own. */
  readonly isConfirmed: boolean
  readonly owner?: ConnectionOptions['owner']
}

/** The connections of one process, which find the server that holds the keys together. */
export function createConnections(
  { endpoint, isConfirmed, owner }: ConnectionsOptions,
  {
    metrics,
    ...dependencies
  }: ConnectionDependencies & { readonly metrics: Pick<RedisMetrics, 'redisConnection'> | undefined },
) {
  function connect(role: ConnectionOptions['role']): Connection {
    const connection = createConnection(
      { endpoint, role, ...(owner !== undefined && { owner }) },
      dependencies,
    )
    metrics?.redisConnection(role, false, false)
    connection.client.on('ready', () => metrics?.redisConnection(role, true, connection.generation() > 0))
    connection.client.on('close', () => metrics?.redisConnection(role, false, false))
    return connection
  }
  const commands = connect('commands')
  const subscriber = connect('subscriber')
  const recalls = isConfirmed ? connect('recalls') : commands
  /** Those that send commands. */
  const senders = [...new Set([commands, recalls])]
  const all = [...senders, subscriber]

  let isChecking = false
  /** Looks for another server: one that went silent, or lost its replicas, may no longer be the one that holds the keys. */
  function reconnectIfMoved(): void {
    if (isChecking) return
    isChecking = true
    const checks = all.map((connection) => connection.reconnectIfMoved())
    void Promise.all(checks).finally(() => (isChecking = false))
  }

  let checking: Promise<void> | undefined
  /** Never rejects. */
  async function replaceIfSilent(): Promise<void> {
    if (recalls === commands) return
    const isSilent = await recalls.client.ping().then(
      () => false,
      (error: unknown) => replyIn(error, endpoint.mode) === undefined,
    )
    if (isSilent) recalls.reconnect()
  }

  return {
    commands,
    /** The connection on which recalls are written, and asked about. */
    recalls,
    subscriber,
    senders,
    reconnectIfMoved,

    /** Replaces the connection of recalls if it has gone silent: no probe takes it. Never rejects. */
    checkRecalls: (): Promise<void> => (checking ??= replaceIfSilent().finally(() => (checking = undefined))),

    /** Why there is no connection to the server. */
    failure: (): Failure | undefined =>
      all.map((connection) => connection.failure()).find((failure) => failure !== undefined),
    areReady: (): boolean => senders.every(({ client }) => client.status === 'ready'),

    /** Opens those that send commands. Rejects with START_FAILED. */
    async open(): Promise<void> {
      await Promise.all(senders.map(({ open }) => open()))
    },
    async close(): Promise<void> {
      await Promise.all(senders.map(({ close }) => close()))
    },
  }
}
