import { randomUUID } from 'node:crypto'
import { detailOf } from '../../../shared/errors.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { parseRedisUrl } from './connection/address.ts'
import { createDiscovery } from './connection/discovery.ts'
import { replyIn, textOfFailure } from './connection/failure.ts'
import { createConnections } from './connections.ts'
import { createKeys } from './keys.ts'
import { NEEDS } from './needs.ts'
import type { RedisOptions } from './redis-broker.ts'
import { toArray } from './scripts.ts'
import { readSettings } from './server-settings.ts'
import { createSyncCheck } from './sync-check.ts'
import { createTrials } from './trials.ts'

/** What a Redis tells of itself, and lets our user do. */
export interface RedisExamination {
  /** Why there is no connection, for the operator; undefined if there is one. */
  readonly failure: string | undefined
  /** `INFO`; undefined if the server does not tell. */
  readonly info: string | undefined
  /** By name; undefined if the user may not read them. */
  readonly settings: ReadonlyMap<string, string> | undefined
  /** Commands that the user may not run; empty also where the server cannot say. */
  readonly deniedCommands: readonly string[]
  /** What was tried and refused, with the reason. */
  readonly refused: readonly { readonly ability: string; readonly reason: string }[]
  /** By how much the clock of this machine is ahead of that of Redis, in ms; undefined if unknown. */
  readonly clockAheadMs: number | undefined
  /** Of the fastest of a few pings. */
  readonly roundTripMs: number | undefined
}

const UNREACHABLE: Omit<RedisExamination, 'failure'> = {
  info: undefined,
  settings: undefined,
  deniedCommands: [],
  refused: [],
  clockAheadMs: undefined,
  roundTripMs: undefined,
}

const SETTINGS = [
  'save',
  'appendfsync',
  'no-appendfsync-on-rewrite',
  'client-output-buffer-limit',
  'timeout',
  'maxclients',
  'min-replicas-to-write',
] as const
const PINGS = 3
/** Asks for each call whether the user may make it. `pcall`: a server that lacks a command throws. */
const DENIED = `
local denied = {}
if not redis.acl_check_cmd then return denied end
local i = 1
while i <= #ARGV do
  local words = {}
  for j = 1, tonumber(ARGV[i + 1]) do words[j] = ARGV[i + 1 + j] end
  local known, allowed = pcall(redis.acl_check_cmd, unpack(words))
  if known and not allowed then denied[#denied + 1] = ARGV[i] end
  i = i + 2 + #words
end
return denied`

/**
 * Examines a Redis over connections of its own, with the rights of the gateway's user, on keys that nothing else uses and that expire
 * within ten seconds: gateways that use this Redis are not disturbed. Never rejects. Takes some seconds at most.
 */
export async function examineRedis(
  options: RedisOptions,
  { log }: { readonly log: Logger },
): Promise<RedisExamination> {
  const { waitReplicas = 0, waitAof = false, mode = 'single' } = options
  const { sentinelUsername: username, sentinelPassword: password } = options
  const keys = createKeys(options.prefix, options.app, `:trial:doctor-${randomUUID()}`)
  const endpoint = {
    ...parseRedisUrl(options.url, mode),
    ...(password !== undefined && { sentinel: { username, password } }),
  }
  const key = keys.heartbeats
  const locate = createDiscovery({ endpoint, sentinelName: options.sentinelName ?? 'mymaster', key })
  const connections = createConnections(
    { endpoint, isConfirmed: false, owner: 'doctor' },
    { locate, metrics: undefined, log },
  )
  const { client: commands, generation } = connections.commands
  try {
    await Promise.all([connections.open(), connections.subscriber.open()])
  } catch (error) {
    await Promise.all([connections.close(), connections.subscriber.close()])
    return { ...UNREACHABLE, failure: detailOf(error) }
  }
  const unlessRefused = <T>(asked: Promise<T>): Promise<T | undefined> => asked.catch(() => undefined)
  try {
    const { clockAheadMs, roundTripMs } = (await unlessRefused(readClock())) ?? UNREACHABLE
    return {
      failure: undefined,
      clockAheadMs,
      roundTripMs,
      info: await unlessRefused(commands.info()),
      settings: await readSettings(commands, key, SETTINGS),
      deniedCommands: (await unlessRefused(readDenied())) ?? [],
      refused: await tryEverything(),
    }
  } finally {
    await Promise.all([connections.close(), connections.subscriber.close()])
  }

  /** Of the fastest ping, the clock is known best. */
  async function readClock() {
    let [clockAheadMs, roundTripMs] = [0, Infinity]
    for (let i = 0; i < PINGS; i++) {
      const [sentMs, startMs] = [Date.now(), performance.now()]
      const [seconds, microseconds] = toArray(await commands.time()).map(Number)
      const tookMs = performance.now() - startMs
      if (tookMs >= roundTripMs) continue
      roundTripMs = tookMs
      clockAheadMs = sentMs + tookMs / 2 - ((seconds ?? 0) * 1_000 + (microseconds ?? 0) / 1_000)
    }
    return { clockAheadMs, roundTripMs }
  }

  async function readDenied(): Promise<string[]> {
    const isNeeded = ({ only }: (typeof NEEDS)[number]): boolean =>
      only === undefined || (only === 'REDIS_WAIT_AOF=1' ? waitAof : mode === 'cluster')
    const channel = keys.channel('feed')
    const words = NEEDS.filter(isNeeded).flatMap(({ command, call }) => {
      const parts = call(key, channel)
      return [command, parts.length, ...parts]
    })
    return toArray(await commands.eval(DENIED, 2, key, channel, ...words)).map(String)
  }

  async function tryEverything(): Promise<RedisExamination['refused']> {
    const sync = createSyncCheck({ client: commands, commands, generation, key: keys.topics('sync') })
    const trials = createTrials({
      commands,
      subscriber: connections.subscriber.client,
      keys,
      waitsForReplicas: waitReplicas > 0,
      checkSync: waitAof ? sync.check : undefined,
    })
    const refused = new Map<string, string>()
    for (const { ability, run } of trials) {
      const error = await run().then(
        () => undefined,
        (reason: unknown) => reason ?? new Error('refused'),
      )
      if (error === undefined) continue
      const failure = replyIn(error, mode)
      refused.set(ability, failure === undefined ? 'Redis does not answer in time' : textOfFailure(failure))
      if (failure === undefined) break
    }
    return [...refused].map(([ability, reason]) => ({ ability, reason }))
  }
}
