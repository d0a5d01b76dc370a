import type { IncomingMessage } from 'node:http'
import { GatewayError, GOODBYES } from '../../shared/errors.ts'
import type { Goodbye } from '../../shared/protocol.ts'
import { clientNetwork } from '../http/client-address.ts'
import type { ClientAddress } from '../http/client-address.ts'
import type { MemoryBudget } from '../lib/memory-budget.ts'
import type { Metrics } from '../telemetry/metrics.ts'

/** Far above what a burst buffers briefly, and far below the level at which many slow connections exhaust a node's memory. */
export const MAX_BUFFERED_BYTES = 1024 * 1024
/** A closed connection gets as long to read what is buffered, and the goodbye behind it. */
export const CLOSE_GRACE_MS = 5_000
/** One that is sent away to free memory gets less: what it has not read yet is still there. */
export const SHED_GRACE_MS = 1_000
/** Spreads those who return, and keeps those who fill the memory again from doing it at once. */
const MIN_RETURN_MS = 2_000
const MAX_RETURN_MS = 10_000

export const returnInMs = (): number =>
  Math.round(MIN_RETURN_MS + Math.random() * (MAX_RETURN_MS - MIN_RETURN_MS))

/** Says when to come back to one that is sent away to free memory. */
export const shedGoodbye = (): Goodbye => ({ ...GOODBYES.MEMORY_USED_UP, retryInMs: returnInMs() })

interface ConnectionLimitOptions {
  /** Maximum number of connections to this node. */
  readonly max: number
  /** Maximum number of connections from one client network. */
  readonly perAddress: number
}

interface ConnectionLimitDependencies {
  readonly addressOf: ClientAddress
  readonly memory: Pick<MemoryBudget, 'isPressed'>
  readonly metrics: Pick<Metrics, 'connectionRefused'>
}

/**
 * Counts sockets and streams, per node and per client network, and refuses those beyond a limit, or all during a drain or
 * while memory is short.
 */
export function createConnectionLimits(
  { max, perAddress }: ConnectionLimitOptions,
  { addressOf, memory, metrics }: ConnectionLimitDependencies,
) {
  const byNetwork = new Map<string, number>()
  let total = 0
  let isDraining = false

  return {
    /** Returns why a further connection is refused; undefined if it is not. */
    refusal(request: IncomingMessage): GatewayError | undefined {
      if (isDraining) return new GatewayError('NODE_DRAINING')
      if (memory.isPressed()) {
        metrics.connectionRefused()
        return new GatewayError('NODE_FULL', 'its memory is used up', { retryInMs: returnInMs() })
      }
      const isFull = total >= max
      if (!isFull && (byNetwork.get(clientNetwork(addressOf(request))) ?? 0) < perAddress) return undefined
      metrics.connectionRefused()
      return isFull ? new GatewayError('NODE_FULL') : new GatewayError('TOO_MANY_CONNECTIONS')
    },

    /** Refuses all further connections. */
    drain(): void {
      isDraining = true
    },

    isDraining: (): boolean => isDraining,

    /** Counts a connection. Returns a function to be called once it is closed. */
    add(request: IncomingMessage): () => void {
      const network = clientNetwork(addressOf(request))
      total++
      byNetwork.set(network, (byNetwork.get(network) ?? 0) + 1)
      return () => {
        total--
        const left = (byNetwork.get(network) ?? 0) - 1
        if (left > 0) byNetwork.set(network, left)
        else byNetwork.delete(network)
      }
    },
  }
}

export type ConnectionLimits = ReturnType<typeof createConnectionLimits>
