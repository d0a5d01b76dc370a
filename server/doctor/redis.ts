import type { RedisExamination } from '../broker/redis/examination.ts'
import { fieldOf, judgePersistence } from '../broker/redis/persistence.ts'
import type { Config } from '../config/settings.ts'
import { critical, info, listed, ok, sizeOf, warning } from './finding.ts'
import type { Finding } from './finding.ts'
import { judgeRedisBuffers } from './redis-buffers.ts'
import { judgeRedisKind, judgeRedisVersion } from './redis-kind.ts'
import { judgeRedisReplicas } from './redis-replicas.ts'

type RedisSettings = Pick<
  Config,
  'REDIS_MODE' | 'REDIS_WAIT_AOF' | 'REDIS_WAIT_REPLICAS' | 'REDIS_SENTINEL_NAME'
>

const SLOW_MS = 20
/** The gateway gives a command up then. */
const VERY_SLOW_MS = 1_000
const CLOCKS_DIFFER_MS = 2_000
/** Webhooks are refused when RequestTime is a minute off. */
const CLOCK_IS_WRONG_MS = 30_000
const NEARLY_FULL = 0.9
const FILLING = 0.75

/** Judges what a Redis tells of itself; pure. */
export function judgeRedis(examined: RedisExamination, settings: RedisSettings, nowMs: number): Finding[] {
  if (examined.failure !== undefined)
    return [
      critical(
        'redis',
        examined.failure,
        'Start Redis, or correct REDIS_URL. Until then, receivers keep recalls on disk, and nodes are not ready',
      ),
    ]
  const { info: text = '' } = examined
  return [
    ok('redis', 'Redis can be reached'),
    ...rights(examined),
    ...judgeRedisVersion(text, settings),
    ...judgeRedisKind(text, settings),
    ...latency(examined),
    ...clock(examined),
    persistence(examined, settings, nowMs),
    eviction(text),
    memory(text),
    ...judgeRedisBuffers(examined.settings),
    ...connections(examined),
    ...judgeRedisReplicas(text, settings),
  ]
}

function rights({ deniedCommands, refused }: RedisExamination): Finding[] {
  const fix =
    'Give the user of REDIS_URL the permissions in the document, or see what Redis says about itself'
  const findings = [
    ...(deniedCommands.length === 0
      ? []
      : [critical('redis-rights', `the user may not run ${listed(deniedCommands, 20)}`, fix)]),
    ...refused.map(({ ability, reason }) => critical('redis-rights', `cannot ${ability}: ${reason}`, fix)),
  ]
  if (findings.length > 0) return findings
  return [ok('redis-rights', 'every script and command that the gateway needs was tried, and works')]
}

function latency({ roundTripMs }: RedisExamination): Finding[] {
  if (roundTripMs === undefined) return []
  const found = `a command takes ${roundTripMs < 10 ? roundTripMs.toFixed(1) : Math.round(roundTripMs)} ms`
  if (roundTripMs < SLOW_MS) return [ok('redis-latency', found)]
  const judge = roundTripMs < VERY_SLOW_MS ? warning : critical
  return [
    judge('redis-latency', found, 'Run the gateway near Redis, and see whether Redis is busy (SLOWLOG GET)'),
  ]
}

function clock({ clockAheadMs }: RedisExamination): Finding[] {
  if (clockAheadMs === undefined) return []
  const offMs = Math.abs(clockAheadMs)
  const found = `this machine is ${(offMs / 1_000).toFixed(1)} s ${clockAheadMs > 0 ? 'ahead of' : 'behind'} Redis`
  if (offMs < CLOCKS_DIFFER_MS) return [ok('clock-redis', found)]
  const fix = 'See which of the two clocks is wrong, and keep both right with NTP (chrony, systemd-timesyncd)'
  return [(offMs < CLOCK_IS_WRONG_MS ? warning : critical)('clock-redis', found, fix)]
}

function persistence(examined: RedisExamination, { REDIS_WAIT_AOF }: RedisSettings, nowMs: number): Finding {
  const { settings: read, info: text } = examined
  const [save, appendfsync] = [read?.get('save'), read?.get('appendfsync')]
  const { loss, sentence = 'a power cut takes nothing away of what Redis has confirmed' } = judgePersistence({
    info: text,
    settings:
      save === undefined || appendfsync === undefined
        ? undefined
        : { save, appendfsync, syncsDuringRewrite: read?.get('no-appendfsync-on-rewrite') !== 'yes' },
    waitsForSync: REDIS_WAIT_AOF === 1,
    nowMs,
  })
  if (loss === 'nothing') return ok('redis-persistence', sentence)
  const fix = 'Set appendonly yes and appendfsync always, as the document says, while Redis runs'
  if (loss === 'everything') return critical('redis-persistence', sentence, fix)
  return (loss === 'unknown' ? info : warning)('redis-persistence', sentence, fix)
}

function eviction(text: string): Finding {
  const policy = fieldOf(text, 'maxmemory_policy')
  if (policy === undefined || policy === '')
    return info(
      'redis-eviction',
      'Redis does not say whether it evicts keys',
      'Set maxmemory-policy noeviction',
    )
  if (policy === 'noeviction') return ok('redis-eviction', 'Redis evicts nothing')
  const fix = 'Set maxmemory-policy noeviction: an evicted key is a forgotten recall, or a gap'
  const evicted = Number(fieldOf(text, 'evicted_keys') ?? 0)
  if (evicted > 0)
    return critical('redis-eviction', `maxmemory-policy is ${policy}, and ${evicted} keys were evicted`, fix)
  if (Number(fieldOf(text, 'maxmemory') ?? 0) > 0)
    return critical(
      'redis-eviction',
      `maxmemory-policy is ${policy}: Redis evicts keys once maxmemory is reached`,
      fix,
    )
  return warning(
    'redis-eviction',
    `maxmemory-policy is ${policy}, which has an effect once maxmemory is set`,
    fix,
  )
}

function memory(text: string): Finding {
  const [used, max, system] = ['used_memory', 'maxmemory', 'total_system_memory'].map((name) =>
    Number(fieldOf(text, name) ?? 0),
  ) as [number, number, number]
  const limit = max > 0 ? max : system
  if (used === 0 || limit === 0) return info('redis-memory', 'Redis does not say how much memory it uses')
  const of = `${sizeOf(used)} of ${sizeOf(limit)} (${max > 0 ? 'maxmemory' : 'the memory of its machine; maxmemory is not set'})`
  const fix = 'Give Redis more memory, or store less: HISTORY_SIZE, HISTORY_TTL_S, RECALLED_TTL_DAYS'
  if (used > limit * NEARLY_FULL) return critical('redis-memory', `Redis is nearly full: it uses ${of}`, fix)
  if (used > limit * FILLING) return warning('redis-memory', `Redis is filling: it uses ${of}`, fix)
  return ok('redis-memory', `Redis uses ${of}`)
}

function connections({ info: text = '', settings }: RedisExamination): Finding[] {
  const [clients, max] = [
    Number(fieldOf(text, 'connected_clients') ?? 0),
    Number(settings?.get('maxclients') ?? 0),
  ]
  const timeoutS = Number(settings?.get('timeout') ?? 0)
  const findings: Finding[] = []
  if (max > 0 && clients > max * NEARLY_FULL)
    findings.push(
      critical(
        'redis-connections',
        `${clients} of ${max} connections are in use`,
        'Raise maxclients of Redis',
      ),
    )
  if (timeoutS > 0 && timeoutS < 60)
    findings.push(
      warning(
        'redis-connections',
        `Redis closes connections that were idle for ${timeoutS} s (timeout)`,
        'Set timeout 0, or at least 60: each closed connection is opened again, and rooms look for missed notices',
      ),
    )
  if (findings.length > 0) return findings
  if (settings?.get('timeout') === undefined)
    return [
      info(
        'redis-connections',
        'the user may not read timeout and maxclients (CONFIG GET)',
        'Allow it +config|get, or see that timeout is 0 or at least 60, and maxclients enough',
      ),
    ]
  return max > 0 ? [ok('redis-connections', `${clients} of ${max} connections are in use`)] : []
}
