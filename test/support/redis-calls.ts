import { createClient } from 'redis'

/** Returns how often each command of this Redis was called so far, by scripts too. */
export async function redisCallsOf(url: string): Promise<ReadonlyMap<string, number>> {
  const client = await createClient({ url }).connect()
  try {
    const text = await client.sendCommand<string>(['INFO', 'commandstats'])
    const lines = text.matchAll(/^cmdstat_([\w|-]+):calls=(\d+)/gm)
    return new Map([...lines].map(([, name = '', calls]) => [name, Number(calls)]))
  } finally {
    client.destroy()
  }
}
