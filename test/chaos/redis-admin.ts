import { createClient } from 'redis'
import type { Harness } from './harness.ts'

/** An administrator of Redis, connected with another client library than the gateway's. */
export interface RedisAdmin {
  send(...command: string[]): Promise<unknown>
  shardChannels(): Promise<string[]>
}

export async function connectRedisAdmin(harness: Harness, url: string): Promise<RedisAdmin> {
  const client = await createClient({ url }).connect()
  harness.onClose(() => client.destroy())
  return {
    send: (...command) => client.sendCommand(command),
    shardChannels: () => client.pubSubShardChannels(),
  }
}
