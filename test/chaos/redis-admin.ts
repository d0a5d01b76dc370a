import { createClient } from 'redis'
import type { Stage } from './harness.ts'

/** Someone at the command line of Redis. */
export interface Operator {
  order(...command: string[]): Promise<unknown>
  shardChannels(): Promise<string[]>
}

/** By another client than the gateway's. */
export async function connectOperator(stage: Stage, url: string): Promise<Operator> {
  const client = await createClient({ url }).connect()
  stage.later(() => client.destroy())
  return {
    order: (...command) => client.sendCommand(command),
    shardChannels: () => client.pubSubShardChannels(),
  }
}
