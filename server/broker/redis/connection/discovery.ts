import { Redis } from 'ioredis'
import { GatewayError } from '../../../../shared/errors.ts'
import { toArray } from '../scripts.ts'
import { textOf } from './address.ts'
import type { Address, Locate, RedisEndpoint } from './address.ts'
import { connectorTo } from './connector.ts'

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

  async function query(seed: Address): Promise<Address> {
    const client = createQueryClient(endpoint, seed)
    // The reply to a wrong password arrives as an event; the connection then just closes.
    let lastError: Error | undefined
    client.on('error', (error: Error) => (lastError = error))
    try {
      await client.connect()
      if (endpoint.mode === 'sentinel')
        return toMasterAddress(await client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', sentinelName))
      const [slot, slots] = await Promise.all([client.cluster('KEYSLOT', key), client.cluster('SLOTS')])
      const owner = ownerOfSlot(slots, Number(slot), seed)
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
    let cause: unknown
    for (const seed of known) {
      try {
        return await query(seed).finally(() => queryLast(seed))
      } catch (error) {
        cause = error
      }
    }
    throw new GatewayError('BROKER_UNAVAILABLE', `cannot locate Redis: ${String(cause)}`, { cause })
  }
}

function createQueryClient({ mode, username, password, tls }: RedisEndpoint, seed: Address): Redis {
  return new Redis({
    Connector: connectorTo({ tls, masterOnly: false }, { locate: async () => seed }),
    // Sentinels have a password at most, and accept any if they have none.
    ...(username === undefined || mode === 'sentinel' ? {} : { username }),
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

const withoutDuplicates = (addresses: readonly Address[]): Address[] => [
  ...new Map(addresses.map((address) => [textOf(address), address])).values(),
]

/** Parses a sentinel's reply to `GET-MASTER-ADDR-BY-NAME`. */
export function toMasterAddress(reply: unknown): Address {
  if (reply === null)
    throw new GatewayError('BROKER_UNAVAILABLE', 'the sentinel knows no master with this name')
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
  throw new GatewayError('BROKER_UNAVAILABLE', `no cluster node owns slot ${slot}`)
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
    throw new GatewayError('BROKER_UNAVAILABLE', 'Redis returned an address without a host or port')
  return { host: knownHost, port: portNumber }
}
