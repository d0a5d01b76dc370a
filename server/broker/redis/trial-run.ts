import { randomUUID } from 'node:crypto'
import type { Recall } from '../../../shared/recall.ts'
import { roomName, roomsOf } from '../../../shared/room.ts'
import type { Connection } from './connection/connection.ts'
import type { Keys } from './keys.ts'
import { encodePublish } from './publish-call.ts'
import { toArray } from './scripts.ts'

/** How long what a trial run writes is stored. */
const TTL_S = 10
const TTL_MS = TTL_S * 1_000

interface TrialRunDependencies {
  readonly commands: Connection['client']
  /** Returns names that nothing else uses, with this `area`; see `createKeys`. */
  readonly keysOf: (area: string) => Keys
}

/** An operation that Redis refused, and why, in the words of Redis. */
export interface TrialRefusal {
  /** Such as `store recalls`. */
  readonly operation: string
  /** Ends with the names of all commands that the user may not run, if that is what it is about. */
  readonly reason: string
}

/**
 * Runs every script and command of the command connection once, with the rights of the gateway's user, on keys of their own
 * that expire within ten seconds. Each resolves to the first that Redis refused, or undefined. Rejects when Redis does not
 * reply: that says nothing about what it allows.
 */
export function createTrialRun({ commands, keysOf }: TrialRunDependencies) {
  /** Only to tell the operator more: a proxy may not know how to answer this. */
  const refusedCommands = async (keys: Keys): Promise<unknown[]> =>
    await commands
      .recallRights(2, keys.heartbeats, keys.probe('trial'))
      .then(toArray)
      .catch(() => [])

  return async function tryEverything(): Promise<TrialRefusal | undefined> {
    const keys = keysOf(`:trial:${randomUUID()}`)
    for (const [operation, run] of operationsOn(commands, keys)) {
      try {
        await run()
      } catch (error) {
        if (!(error instanceof Error) || error.name !== 'ReplyError') throw error
        const refused = await refusedCommands(keys)
        return {
          operation,
          reason: refused.length === 0 ? error.message : `${error.message} (${refused.join(', ')})`,
        }
      }
    }
    return undefined
  }
}

type Operation = readonly [name: string, run: () => Promise<unknown>]

function operationsOn(commands: Connection['client'], keys: Keys): readonly Operation[] {
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
  return [
    ['store recalls', publish],
    ['recognize repeats', publish],
    ['keep recalled sets forever', () => commands.persist(keys.recalled({ group }))],
    ['read heads', () => commands.recallHeads(1, head, ...headArguments)],
    ['read logs', () => commands.recallHistory(2, head, log, 0, 1, ...headArguments)],
    ['read logs backwards', () => commands.recallHistoryBefore(2, head, log, 2, 1, ...headArguments)],
    ['read recalled sets', () => commands.zmscore(set, 1)],
    ['replace epochs', () => commands.recallNewEpoch(2, head, channel, '', randomUUID())],
    ['read topics', () => commands.hgetall(keys.topics(group))],
    ['end groups', () => commands.recallEnd(4, set, head, log, channel, 1, randomUUID(), TTL_MS, TTL_MS, 1)],
    ['remove topics', () => commands.hdel(keys.topics(group), 't')],
    ['announce', () => commands.recallAnnounce(2, announcements, channel, '', 1, TTL_S)],
    ['read announcements', () => commands.xrange(announcements, '-', '+')],
    ['report heartbeats', () => commands.recallHeartbeat(1, keys.heartbeats, 'trial', '', TTL_MS, 0)],
    ['read heartbeats', () => commands.recallHeartbeats(1, keys.heartbeats, TTL_MS)],
  ]
}
