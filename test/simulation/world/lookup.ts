import { isIP } from 'node:net'
import { world } from './world.ts'
import { net } from './network.ts'

interface LookupOptions {
  readonly all?: boolean
}

type OnLookup = (error: Error | null, address?: unknown, family?: number) => void

/** Stands in for `dns.lookup`: names have the addresses that the network gave them. */
export function lookup(name: string, options: LookupOptions | OnLookup, callback?: OnLookup): void {
  const [{ all }, tell] =
    typeof options === 'function' ? [{ all: false }, options] : [options, callback as OnLookup]
  const address = isIP(name) ? name : net.network.resolve(name)
  const { schedule } = world
  schedule.after(0, schedule.current, () => {
    if (address === undefined) {
      const fields = { code: 'ENOTFOUND', errno: -3008, syscall: 'getaddrinfo', hostname: name }
      return tell(Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), fields))
    }
    const family = isIP(address)
    if (all) tell(null, [{ address, family }])
    else tell(null, address, family)
  })
}
