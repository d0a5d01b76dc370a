import { Redis } from 'ioredis'
import { GatewayError } from '../../../../shared/errors.ts'
import { connectorTo } from './connector.ts'
import { textOf } from './address.ts'
import type { Address, Locate, RedisEndpoint } from './address.ts'
import { toArray } from '../scripts.ts'

/** One who is asked and frozen must not hold up the others. */
const ASK_TIMEOUT_MS = 500
const CLOSE_TIMEOUT_MS = 100

interface LocatorOptions {
  readonly target: RedisEndpoint
  readonly sentinelName: string
  /** Any name of ours: all of them are in one slot. */
  readonly key: string
}

/**
 * Asks sentinels for their master, or nodes of a cluster for the owner of our slot: one after the other until one knows. A
 * single server is where it is.
 */
export function createDiscovery({ target, sentinelName, key }: LocatorOptions): Locate {
  if (target.mode === 'single') return async () => target.seeds[0]
  let known: readonly Address[] = target.seeds

  async function ask(seed: Address): Promise<Address> {
    const client = askingClient(target, seed)
    // What is said to a wrong password comes as an event; the connection then just closes.
    let said: Error | undefined
    client.on('error', (error: Error) => (said = error))
    try {
      await client.connect()
      if (target.mode === 'sentinel')
        return masterAddress(await client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', sentinelName))
      const [slot, slots] = await Promise.all([client.cluster('KEYSLOT', key), client.cluster('SLOTS')])
      const holder = holderOfSlot(slots, Number(slot), seed)
      known = withoutRepeats([...target.seeds, ...nodesOf(slots, seed)])
      return holder
    } catch (error) {
      throw said ?? error
    } finally {
      client.disconnect()
    }
  }

  /** What this one says may be out of date, or it may say nothing. */
  function askLast(seed: Address): void {
    known = [...known.filter((other) => textOf(other) !== textOf(seed)), seed]
  }

  return async () => {
    let cause: unknown
    for (const seed of known) {
      try {
        return await ask(seed).finally(() => askLast(seed))
      } catch (error) {
        cause = error
      }
    }
    throw new GatewayError('BROKER_UNAVAILABLE', `nobody knows where Redis is: ${String(cause)}`, { cause })
  }
}

function askingClient({ mode, username, password, tls }: RedisEndpoint, seed: Address): Redis {
  return new Redis({
    Connector: connectorTo({ tls, onlyMaster: false }, { locate: async () => seed }),
    // Sentinels have a password of their own at most, and take any when they have none.
    ...(username === undefined || mode === 'sentinel' ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
    connectionName: 'recall-gateway-locator',
    disableClientInfo: true,
    lazyConnect: true,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: ASK_TIMEOUT_MS,
    connectTimeout: ASK_TIMEOUT_MS,
    disconnectTimeout: CLOSE_TIMEOUT_MS,
    retryStrategy: () => null,
  })
}

const withoutRepeats = (addresses: readonly Address[]): Address[] => [
  ...new Map(addresses.map((address) => [textOf(address), address])).values(),
]

/** Reads the answer of a sentinel to `GET-MASTER-ADDR-BY-NAME`. */
export function masterAddress(reply: unknown): Address {
  if (reply === null)
    throw new GatewayError('BROKER_UNAVAILABLE', 'the sentinel knows no master of that name')
  const [host, port] = toArray(reply)
  return toAddress(host, port, undefined)
}

/** Reads from the answer to `CLUSTER SLOTS` who owns the slot. `asked` is who gave the answer. */
export function holderOfSlot(reply: unknown, slot: number, asked: Address): Address {
  for (const range of toArray(reply)) {
    const [from, to, owner] = toArray(range)
    if (Number(from) > slot || Number(to) < slot) continue
    const [host, port] = toArray(owner)
    return toAddress(host, port, asked)
  }
  throw new GatewayError('BROKER_UNAVAILABLE', `no node of the cluster owns the slot ${slot}`)
}

/** Every node named in the answer to `CLUSTER SLOTS`; each can be asked again. */
export function nodesOf(reply: unknown, asked: Address): Address[] {
  return toArray(reply).flatMap((range) =>
    toArray(range)
      .slice(2)
      .map((node) => {
        const [host, port] = toArray(node)
        return toAddress(host, port, asked)
      }),
  )
}

function toAddress(host: unknown, port: unknown, asked: Address | undefined): Address {
  // A node that does not know its own name leaves it out: it is where it was asked.
  const known = typeof host === 'string' && host !== '' && host !== '?' ? host : asked?.host
  const number = Number(port)
  if (known === undefined || !Number.isInteger(number) || number <= 0)
    throw new GatewayError('BROKER_UNAVAILABLE', 'Redis told an address without host or port')
  return { host: known, port: number }
}
