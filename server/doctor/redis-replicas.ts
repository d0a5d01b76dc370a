import { fieldOf } from '../broker/redis/persistence.ts'
import type { Config } from '../config/settings.ts'
import { critical, info, ok, warning } from './finding.ts'
import type { Finding } from './finding.ts'

const LATE_S = 10

/** Judges whether there are as many replicas as recalls wait for. */
export function judgeRedisReplicas(
  text: string,
  { REDIS_WAIT_REPLICAS: wanted, REDIS_MODE: mode }: Pick<Config, 'REDIS_WAIT_REPLICAS' | 'REDIS_MODE'>,
): Finding[] {
  const given = fieldOf(text, 'connected_slaves')
  if (given === undefined) return [info('redis-replicas', 'Redis does not say whether it has replicas')]
  const replicas = [...text.matchAll(/^slave\d+:(.*)$/gm)].map(([, line = '']) => line)
  const online = replicas.filter((line) => line.includes('state=online'))
  const late = online.filter((line) => Number(/\blag=(\d+)/.exec(line)?.[1] ?? 0) >= LATE_S)
  const count = replicas.length === 0 ? Number(given) : online.length - late.length
  if (count < wanted)
    return [
      critical(
        'redis-replicas',
        `${count} replicas confirm writes, and REDIS_WAIT_REPLICAS is ${wanted}: every recall goes to the spool`,
        'Start replicas, or lower REDIS_WAIT_REPLICAS',
      ),
    ]
  if (late.length > 0)
    return [
      warning(
        'redis-replicas',
        `${late.length} of ${replicas.length} replicas have not confirmed anything for ${LATE_S} s`,
        'See what keeps them: the network, their disks, or a full synchronization',
      ),
    ]
  if (count > 0 && wanted === 0)
    return [
      info(
        'redis-replicas',
        `${count} replicas, and REDIS_WAIT_REPLICAS is 0: after a failover without the latest writes, sockets receive a gap`,
        'Set REDIS_WAIT_REPLICAS=1 if recalls must survive a failover in Redis',
      ),
    ]
  if (count === 0 && mode !== 'single')
    return [
      warning(
        'redis-replicas',
        `REDIS_MODE is ${mode}, and the server has no replica that could take its place`,
        'Start a replica of this server',
      ),
    ]
  return [
    ok(
      'redis-replicas',
      count === 0 ? 'no replicas, and none are waited for' : `${count} replicas confirm writes`,
    ),
  ]
}
