import type { Redis } from 'ioredis'
import type { Logger } from '../../../telemetry/logger.ts'

/** A Redis that evicts when full loses recalled sets, or the ends of logs, in silence. Only a warning: managed servers may hide it. */
export async function warnOfEviction(client: Redis, log: Logger): Promise<void> {
  const memory = await client.info('memory').catch(() => '')
  const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1]
  if (policy !== undefined && policy !== 'noeviction') {
    log.warn({ policy }, 'Redis may evict what the gateway keeps: set maxmemory-policy to noeviction')
  }
}
