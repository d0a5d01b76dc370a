import { randomUUID } from 'node:crypto'
import type { Recall } from '../../../shared/recall.ts'
import { roomName, roomsOf } from '../../../shared/room.ts'
import { VERSION } from '../../../shared/version.ts'
import { withTimeout } from '../timeout.ts'
import { COMMAND_TIMEOUT_MS } from './connection/connection.ts'
import type { Connection } from './connection/connection.ts'
import type { Keys } from './keys.ts'
import { encodePublish } from './publish-call.ts'
import { toArray } from './scripts.ts'

/** How long what a trial writes is stored if it cannot be deleted. */
const TTL_S = 10
const TTL_MS = TTL_S * 1_000

/** Something that the gateway needs Redis to do. */
export type Ability =
  | 'load scripts'
  | 'delete keys'
  | 'store recalls'
  | 'recognize repeats'
  | 'keep recalled sets forever'
  | 'wait for replicas'
  | 'sync the append-only file'
  | 'receive notices'
  | 'read heads'
  | 'read logs'
  | 'compare logs'
  | 'read logs backwards'
  | 'read stored entries'
  | 'note who was told'
  | 'read recalled sets'
  | 'replace epochs'
  | 'read topics'
  | 'end groups'
  | 'remove topics'
  | 'announce'
  | 'read announcements'
  | 'report heartbeats'
  | 'read heartbeats'
  | 'store markers'

export interface Trial {
  readonly ability: Ability
  /**
   * Tries it out. Rejects with the error of Redis when it refuses, and ends its message with the names of all commands that the
   * user may not run, if that is what it is about.
   */
  readonly run: () => Promise<unknown>
}

interface TrialDependencies {
  readonly commands: Connection['client']
  readonly subscriber: Pick<Connection['client'], 'ssubscribe' | 'sunsubscribe'>
  /** Names that nothing else uses, not even another process; see `createKeys`. */
  readonly keys: Keys
  readonly waitsForReplicas: boolean
  /** Rejects if the append-only file does not hold what it promises; undefined if nobody waits for it. */
  readonly checkSync: (() => Promise<void>) | undefined
}

/**
 * Returns a trial for each script and command that the gateway uses, with the rights of its own user, on keys of their own that
 * expire within ten seconds. A server that does one thing may refuse another: a right is missing, it is a replica, or its
 * memory or disk is full.
 */
export function createTrials(dependencies: TrialDependencies): readonly Trial[] {
  const { commands, keys } = dependencies

  /** Only to tell the operator more: a proxy may not know how to answer this. */
  const refusedCommands = async (): Promise<unknown[]> =>
    await commands
      .recallRights(2, keys.heartbeats, keys.probe('trial'))
      .then(toArray)
      .catch(() => [])

  return trialsOf(dependencies).map(([ability, start]) => ({
    ability,
    run: () =>
      withTimeout(COMMAND_TIMEOUT_MS, start()).catch(async (error: unknown) => {
        const reply = error instanceof Error ? error.cause : undefined
        if (reply instanceof Error && IS_ABOUT_RIGHTS.test(reply.message)) {
          const refused = await refusedCommands()
          if (refused.length > 0) reply.message += ` (${refused.join(', ')})`
        }
        throw error
      }),
  }))
}

/** Redis 7.0 and Redis 8 answer `ERR` to a script that may not run a command. */
const IS_ABOUT_RIGHTS = /^NOPERM|user executing the script|ACL failure in script/

function trialsOf({
  commands,
  subscriber,
  keys,
  waitsForReplicas,
  checkSync,
}: TrialDependencies): readonly (readonly [ability: Ability, start: () => Promise<unknown>])[] {
  const group = 'trial'
  const recall: Recall = { group, topic: 't', messages: [{ seq: 1 }], recalledAtMs: 1, receivedAtMs: 1 }
  const rooms = roomsOf(recall)
  const names = rooms.map(roomName)
  const [name = ''] = names
  const settings = { historySize: 1, ttlsMs: [TTL_MS, TTL_MS, TTL_MS, 0], waits: true } as const
  const [set, head, log, channel] = [
    keys.recalled(recall),
    keys.head(name),
    keys.log(name),
    keys.channel(name),
  ]
  const headArguments = [randomUUID(), TTL_S, TTL_S]
  const announcements = keys.announcements('revocations')

  const publish = (): Promise<unknown> => {
    const call = encodePublish({ recall, rooms, names }, settings, { keys, signatureOf: () => '' })
    return commands.recallPublish(call.keys.length, ...call.keys, ...call.arguments)
  }
  const all = [
    ...names.flatMap((one) => [keys.head(one), keys.log(one)]),
    keys.told(name),
    set,
    keys.recalled({ group }),
    keys.topics(group),
    announcements,
    keys.heartbeats,
    keys.marker('trial'),
  ]
  const clear = (): Promise<unknown> => commands.del(...all)
  const receive = async (): Promise<void> => {
    await subscriber.ssubscribe(channel)
    await subscriber.sunsubscribe(channel)
  }
  return [
    // EVALSHA alone is not enough: the server forgets scripts with a restart or a failover. Proxies need a key to find it.
    ['load scripts', () => commands.eval('return 1', 1, head)],
    // Otherwise the next ones would find what they did the last time, and take a shorter way.
    ['delete keys', clear],
    ['store recalls', publish],
    ['recognize repeats', publish],
    ['keep recalled sets forever', () => commands.persist(keys.recalled({ group }))],
    ...(waitsForReplicas ? ([['wait for replicas', () => commands.wait(0, 1)]] as const) : []),
    ...(checkSync ? ([['sync the append-only file', checkSync]] as const) : []),
    ['read heads', () => commands.recallHeads(1, head, ...headArguments, 1)],
    ['read logs', () => commands.recallHistory(2, head, log, 0, 1, ...headArguments, '')],
    ['compare logs', () => commands.recallExcerpts(2, head, log, ...headArguments, 1, 1)],
    ['read logs backwards', () => commands.recallHistoryBefore(2, head, log, 2, 1, ...headArguments)],
    ['read stored entries', () => commands.recallEntries(2, head, log, 0, 1)],
    [
      'note who was told',
      () => commands.recallTold(1, keys.told(name), TTL_MS, 1, 2, 1, 1, 1, 'a', 3, 1, 1, 'a'),
    ],
    ['read recalled sets', () => commands.zmscore(set, 1)],
    ['replace epochs', () => commands.recallNewEpoch(2, head, channel, '', randomUUID(), '')],
    ['read topics', () => commands.hgetall(keys.topics(group))],
    ['end groups', () => commands.recallEnd(4, set, head, log, channel, 1, randomUUID(), TTL_MS, TTL_MS, 1)],
    ['remove topics', () => commands.hdel(keys.topics(group), 't')],
    ['announce', () => commands.recallAnnounce(2, announcements, channel, '', 1, TTL_S, VERSION)],
    ['read announcements', () => commands.xrevrange(announcements, '+', '-', 'COUNT', 1)],
    ['report heartbeats', () => commands.recallHeartbeat(1, keys.heartbeats, 'trial', '', TTL_MS, 0, 0, 0)],
    ['read heartbeats', () => commands.recallHeartbeats(1, keys.heartbeats, TTL_MS)],
    [
      'store markers',
      () => commands.recallMark(2, keys.marker('trial'), set, 1, '', TTL_MS, '', 0, 'a', 'b'),
    ],
    ['delete keys', clear],
    ['receive notices', receive],
  ]
}
