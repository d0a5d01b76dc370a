import type { IncomingMessage } from 'node:http'
import { clientNetwork } from '../http/client-address.ts'
import type { ClientAddress } from '../http/client-address.ts'

interface ConnectionLimitOptions {
  /** Most connections of the node. */
  readonly max: number
  /** Most connections of one address. */
  readonly perAddress: number
}

/** Counts connections, of the node and of each address. */
export function createConnectionLimits(
  { max, perAddress }: ConnectionLimitOptions,
  addressOf: ClientAddress,
) {
  const byAddress = new Map<string, number>()
  let all = 0

  return {
    isFull: (request: IncomingMessage): boolean =>
      all >= max || (byAddress.get(clientNetwork(addressOf(request))) ?? 0) >= perAddress,

    /** Answers what to call once the connection is gone. */
    add(request: IncomingMessage): () => void {
      const address = clientNetwork(addressOf(request))
      all++
      byAddress.set(address, (byAddress.get(address) ?? 0) + 1)
      return () => {
        all--
        const left = (byAddress.get(address) ?? 0) - 1
        if (left > 0) byAddress.set(address, left)
        else byAddress.delete(address)
      }
    },
  }
}

export type ConnectionLimits = ReturnType<typeof createConnectionLimits>
