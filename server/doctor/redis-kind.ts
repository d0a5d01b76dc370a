import { fieldOf } from '../broker/redis/persistence.ts'
import type { Config } from '../config/settings.ts'
import { critical, info, ok, warning } from './finding.ts'
import type { Finding } from './finding.ts'

const MIN_REDIS = [7, 0, 0] as const
const MIN_REDIS_FOR_AOF = [7, 2, 0] as const
/** These answer WAITAOF too early with `appendfsync everysec`. */
const EARLY_REDIS = [
  [7, 4, 0],
  [7, 4, 2],
] as const

type Version = readonly [number, number, number]

/** Judges whether the server is new enough. */
export function judgeRedisVersion(
  text: string,
  { REDIS_WAIT_AOF }: Pick<Config, 'REDIS_WAIT_AOF'>,
): Finding[] {
  const valkey = fieldOf(text, 'valkey_version')
  const given = valkey ?? fieldOf(text, 'redis_version')
  if (given === undefined)
    return [info('redis-version', 'the server does not tell its version', 'It must do what Redis 7.0 can')]
  const name = valkey === undefined ? `Redis ${given}` : `Valkey ${given}`
  const version = parse(given)
  const needed = 'Update to Redis 7.0 or newer, or Valkey 8 or newer'
  if (valkey === undefined && isBefore(version, MIN_REDIS))
    return [critical('redis-version', `${name} lacks sharded channels`, needed)]
  if (valkey !== undefined && version[0] < 8)
    return [warning('redis-version', `${name} is older than what the gateway is tested with`, needed)]
  const isEarly =
    valkey === undefined
      ? !isBefore(version, EARLY_REDIS[0]) && !isBefore(EARLY_REDIS[1], version)
      : version[0] === 8
  if (REDIS_WAIT_AOF === 1 && valkey === undefined && isBefore(version, MIN_REDIS_FOR_AOF))
    return [
      critical('redis-version', `${name} lacks WAITAOF, which REDIS_WAIT_AOF=1 needs`, 'Update to Redis 7.2'),
    ]
  if (REDIS_WAIT_AOF === 1 && isEarly)
    return [
      warning(
        'redis-version',
        `${name} can say too early that a write is on disk, with appendfsync everysec`,
        'Set appendfsync always, or update Redis',
      ),
    ]
  return [ok('redis-version', name)]
}

const parse = (text: string): Version => {
  const [major = 0, minor = 0, patch = 0] = text.split('.').map((part) => Number.parseInt(part, 10) || 0)
  return [major, minor, patch]
}

function isBefore(one: Version, other: Version): boolean {
  const i = one.findIndex((part, at) => part !== other[at])
  return i !== -1 && (one[i] ?? 0) < (other[i] ?? 0)
}

/** Judges whether the server is of the kind that REDIS_MODE says, and takes writes. */
export function judgeRedisKind(text: string, { REDIS_MODE: mode }: Pick<Config, 'REDIS_MODE'>): Finding[] {
  const [kind, role] = [fieldOf(text, 'redis_mode') ?? fieldOf(text, 'server_mode'), fieldOf(text, 'role')]
  if (kind === 'sentinel')
    return [
      critical(
        'redis-kind',
        'what answers is a sentinel',
        'Set REDIS_MODE=sentinel, with the sentinels in REDIS_URL',
      ),
    ]
  if (role === 'slave')
    return [
      critical(
        'redis-kind',
        'what answers is a replica, which takes no writes',
        'Name the master in REDIS_URL, or set REDIS_MODE=sentinel or cluster, so that the gateway finds it',
      ),
    ]
  if (kind === 'cluster' && mode !== 'cluster')
    return [
      warning(
        'redis-kind',
        `the server is part of a cluster, and REDIS_MODE is ${mode}: it works only as long as this server holds the keys`,
        'Set REDIS_MODE=cluster',
      ),
    ]
  const loading = fieldOf(text, 'loading') === '1'
  if (loading) return [warning('redis-kind', 'Redis is loading its data', 'Wait until it has')]
  return [ok('redis-kind', `${kind ?? 'unknown kind'}, found with REDIS_MODE=${mode}`)]
}
