import { GatewayError } from '../../../../shared/errors.ts'
import { toArray } from '../scripts.ts'
import type { Address } from './address.ts'

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
