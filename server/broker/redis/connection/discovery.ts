import { Redis } from 'ioredis'
import { toArray } from '../scripts.ts'
import { textOf } from './address.ts'
import type { Address, Credentials, Locate, RedisEndpoint } from './address.ts'
import { slotOf } from './cluster-slot.ts'
import { connectorTo } from './connector.ts'
import { CLOSED_BEFORE_ANSWER, explain, FailureError } from './failure.ts'
import type { Failure } from './failure.ts'

/** A frozen server must not delay asking the others. */
const QUERY_TIMEOUT_MS = 500
const CLOSE_TIMEOUT_MS = 100

interface DiscoveryOptions {
  readonly endpoint: RedisEndpoint
  readonly sentinelName: string
  /** Any key or channel of the gateway: all of them are in one slot. */
  readonly key: string
}

/**
 * Asks sentinels for their master, or cluster nodes for the owner of our slot, one after the other until one knows. A single
 * server needs no discovery.
 */
export function createDiscovery({ endpoint, sentinelName, key }: DiscoveryOptions): Locate {
  if (endpoint.mode === 'single') return async () => endpoint.seeds[0]
  let known: readonly Address[] = endpoint.seeds
  const slot = slotOf(key)

  async function query(seed: Address): Promise<Address> {
    const client = createQueryClient(endpoint, seed)
    // The reply to a wrong password arrives as an event; the connection then just closes.
    let lastError: Error | undefined
    client.on('error', (error: Error) => (lastError = error))
    try {
      await client.connect().catch((error: unknown) => {
        throw lastError ?? (isClosed(error) ? CLOSED_BEFORE_ANSWER : error)
      })
      if (endpoint.mode === 'sentinel')
        return toMasterAddress(await client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', sentinelName))
      const slots = await client.cluster('SLOTS')
      const owner = ownerOfSlot(slots, slot, seed)
      known = withoutDuplicates([...endpoint.seeds, ...nodesOf(slots, seed)])
      return owner
    } catch (error) {
      throw lastError ?? error
    } finally {
      client.disconnect()
    }
  }

  /** Moves the seed to the end: its information may be out of date, or it may not reply. */
  function queryLast(seed: Address): void {
    known = [...known.filter((other) => textOf(other) !== textOf(seed)), seed]
  }

  return async () => {
    const failures: Failure[] = []
    for (const seed of known) {
      try {
        return await query(seed).finally(() => queryLast(seed))
      } catch (error) {
        failures.push(failureOf(error, endpoint, seed))
      }
    }
    throw new FailureError(mostTelling(failures))
  }
}

function failureOf(error: unknown, { mode, tls }: RedisEndpoint, seed: Address): Failure {
  const failure = explain(error, { mode, tls, asked: 'seed' })
  return { ...failure, words: `${textOf(seed)}: ${failure.words}` }
}

/** That a seed is down is to be expected; that another one refuses the password is what has to be changed. */
function mostTelling(failures: readonly Failure[]): Failure {
  const isDown = ({ code }: Failure): boolean => /^(E(?!RR_|PROTO)[A-Z_]+|TIMEOUT|UNKNOWN)$/.test(code)
  const [first] = failures
  const telling = failures.find((failure) => !isDown(failure)) ?? first
  return telling ?? explain(undefined, { mode: 'cluster' })
}

const isClosed = (error: unknown): boolean =>
  error instanceof Error && error.message === 'Connection is closed.'

function createQueryClient(endpoint: RedisEndpoint, seed: Address): Redis {
  const { tls } = endpoint
  const { username, password } = endpoint.mode === 'sentinel' ? sentinelCredentials(endpoint) : endpoint
  return new Redis({
    Connector: connectorTo({ tls, masterOnly: false }, { locate: async () => seed }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
    connectionName: 'recall-gateway-locator',
    disableClientInfo: true,
    lazyConnect: true,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: QUERY_TIMEOUT_MS,
    connectTimeout: QUERY_TIMEOUT_MS,
    disconnectTimeout: CLOSE_TIMEOUT_MS,
    retryStrategy: () => null,
  })
}

/** Without credentials of their own, sentinels get the password of the servers: they accept any if they have none. */
const sentinelCredentials = ({ sentinel, password }: RedisEndpoint): Credentials => sentinel ?? { password }

const withoutDuplicates = (addresses: readonly Address[]): Address[] => [
  ...new Map(addresses.map((address) => [textOf(address), address])).values(),
]

/** Parses a sentinel's reply to `GET-MASTER-ADDR-BY-NAME`. */
export function toMasterAddress(reply: unknown): Address {
  if (reply === null)
    throw new FailureError({
      code: 'NO_MASTER',
      reason: 'the sentinels know no master with this name',
      setting: 'REDIS_SENTINEL_NAME',
      words: 'the sentinel knows no master with this name',
    })
  const [host, port] = toArray(reply)
  return toAddress(host, port, undefined)
}

/** Returns the owner of the slot according to the reply of the node `seed` to `CLUSTER SLOTS`. */
export function ownerOfSlot(reply: unknown, slot: number, seed: Address): Address {
  for (const range of toArray(reply)) {
    const [from, to, owner] = toArray(range)
    if (Number(from) > slot || Number(to) < slot) continue
    const [host, port] = toArray(owner)
    return toAddress(host, port, seed)
  }
  throw new FailureError({
    code: 'NO_OWNER',
    reason: `no cluster node owns slot ${slot}`,
    setting: 'CLUSTER INFO on Redis',
    words: `no cluster node owns slot ${slot}`,
  })
}

/** Returns every node in the reply to `CLUSTER SLOTS`, replicas included; each can be asked next time. */
export function nodesOf(reply: unknown, seed: Address): Address[] {
  return toArray(reply).flatMap((range) =>
    toArray(range)
      .slice(2)
      .map((node) => {
        const [host, port] = toArray(node)
        return toAddress(host, port, seed)
      }),
  )
}

function toAddress(host: unknown, port: unknown, seed: Address | undefined): Address {
  // A node that does not know its own host name leaves it out; it is then the one that was asked.
  const knownHost = typeof host === 'string' && host !== '' && host !== '?' ? host : seed?.host
  const portNumber = Number(port)
  if (knownHost === undefined || !Number.isInteger(portNumber) || portNumber <= 0)
    throw new FailureError({
      code: 'NO_ADDRESS',
      reason: 'Redis returned an address without a host or port',
      setting: 'addresses that Redis announces',
      words: `${String(host)} ${String(port)}`,
    })
  return { host: knownHost, port: portNumber }
}
