import type { IncomingMessage } from 'node:http'
import { clientNetwork } from '../http/client-address.ts'
import type { ClientAddress } from '../http/client-address.ts'

interface ConnectionLimitOptions {
  /** Maximum number of connections to this node. */
  readonly max: number
  /** Maximum number of connections from one client network. */
  readonly perAddress: number
}

/** Counts connections, per node and per client network, and says when a limit is reached. */
export function createConnectionLimits(
  { max, perAddress }: ConnectionLimitOptions,
  addressOf: ClientAddress,
) {
  const byNetwork = new Map<string, number>()
  let total = 0

  return {
    isFull: (request: IncomingMessage): boolean =>
      total >= max || (byNetwork.get(clientNetwork(addressOf(request))) ?? 0) >= perAddress,

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
