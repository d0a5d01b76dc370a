import { randomUUID } from 'node:crypto'
import type { Conversation } from '../../../shared/conversation.ts'
import { nameOf, toRecalledAt } from '../../../shared/message.ts'
import type { MessageName, RecalledAt } from '../../../shared/message.ts'
import type { Recall } from '../../../shared/recall.ts'
import { isDate } from '../../../shared/recall.ts'
import { roomName } from '../../../shared/room.ts'
import { createLimiter } from '../../lib/flow-control.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { BrokerOptions } from '../broker.ts'
import type { RecoverableBroker } from '../recoverable-broker.ts'
import { isBefore, UNTIMED_REPEAT_WINDOW_MS } from '../repeats.ts'
import { GROUP_END_TTL_S } from '../retention.ts'
import { withTimeout } from '../timeout.ts'
import { COMMAND_TIMEOUT_MS } from './connection/connection.ts'
import type { Connection } from './connection/connection.ts'
import { isWrongType } from './connection/failure.ts'
import type { Keys } from './keys.ts'
import { unexpectedReply } from './scripts.ts'

/** Seqs dropped per call, so that it blocks Redis for about a millisecond. */
const SEQS_PER_CALL = 2_000
/** Topics ended concurrently. */
const MAX_CONCURRENT_TOPICS = 8
/** The member of a recalled set whose score is the time of the last end of the group. */
export const ENDED = 'ended'

/** Returns the member of a recalled set that stands for a message. Never `ended` or `dropped`, whatever its key is. */
export const memberOf = (name: MessageName): string =>
  typeof name === 'number' ? String(name) : `key:${name}`

interface RecalledSetsDependencies {
  /** The connection on which `recalled` asks. */
  readonly commands: Connection['client']
  /** The connection on which recalls are published: another one may lead to another server, which has lost nothing. */
  readonly recalls: Connection['client']
  readonly keys: Keys
  readonly log: Logger
}

type RecalledSets = Pick<RecoverableBroker, 'recalled' | 'endGroup' | 'lacks'>

/** Reads the recalled sets, and ends them with their group. The publish script fills them. */
export function createRecalledSets(
  { recalledTtlS = 0 }: Pick<BrokerOptions, 'recalledTtlS'>,
  { commands, recalls, keys, log }: RecalledSetsDependencies,
): RecalledSets {
  const endTtlMs = Math.min(GROUP_END_TTL_S, recalledTtlS || Infinity) * 1_000

  /** A key of the wrong type holds no recalled set: whatever was there is lost. The next recall deletes it. */
  async function ifReadable<T>(key: string, reading: Promise<T>, otherwise: T): Promise<T> {
    try {
      return await withTimeout(COMMAND_TIMEOUT_MS, reading)
    } catch (error) {
      if (!isWrongType(error)) throw error
      log.error({ key }, 'unreadable key in Redis, its content is lost')
      return otherwise
    }
  }

  async function timesOf(
    client: Connection['client'],
    conversation: Conversation,
    members: readonly string[],
  ) {
    const key = keys.recalled(conversation)
    const scores = await ifReadable(key, client.zmscore(key, ...members), [])
    return members.map((_member, i) => toTime(scores[i]))
  }

  /** Returns when the group was last dismissed. */
  const endOf = async (client: Connection['client'], group: string): Promise<number | undefined> =>
    (await timesOf(client, { group }, [ENDED]))[0]

  /** Returns whether the recalled set is empty now: nothing was recalled since. */
  async function endConversation(conversation: Conversation, atMs: number): Promise<boolean> {
    const room = roomName(conversation)
    const names = [keys.recalled(conversation), keys.head(room), keys.log(room), keys.channel(room)]
    const ttls = [recalledTtlS * 1_000, endTtlMs]
    for (;;) {
      const left = await withTimeout(
        COMMAND_TIMEOUT_MS,
        recalls.recallEnd(names.length, ...names, atMs, randomUUID(), ...ttls, SEQS_PER_CALL),
      )
      if (typeof left !== 'number') throw unexpectedReply()
      if (left <= 0) return left < 0
    }
  }

  async function endTopics(group: string, atMs: number): Promise<void> {
    const key = keys.topics(group)
    const topics = Object.keys(await ifReadable(key, recalls.hgetall(key), {}))
    const limit = createLimiter(MAX_CONCURRENT_TOPICS)
    const ends = topics.map((topic) =>
      limit(async () => {
        const isEmpty = await endConversation({ group, topic }, atMs)
        if (isEmpty) await withTimeout(COMMAND_TIMEOUT_MS, recalls.hdel(key, topic))
      }),
    )
    await Promise.all(ends)
  }

  /** Returns when the group was last dismissed, -Infinity for never, and the time of each message. */
  async function stateOf(
    client: Connection['client'],
    conversation: Conversation,
    names: readonly MessageName[],
  ) {
    const { group, topic } = conversation
    const [[own, ...times], ofGroup] = await Promise.all([
      timesOf(client, conversation, [ENDED, ...names.map(memberOf)]),
      topic === undefined ? undefined : endOf(client, group),
    ])
    // The topics of a group end before it.
    return { endedAtMs: Math.max(own ?? -Infinity, ofGroup ?? -Infinity), times }
  }

  return {
    async recalled(conversation, names) {
      if (names.length === 0) return []
      const { endedAtMs, times } = await stateOf(commands, conversation, names)
      return names.flatMap((name, i): RecalledAt[] => {
        const atMs = times[i]
        return atMs === undefined || isBefore(atMs, endedAtMs) ? [] : [toRecalledAt(name, atMs)]
      })
    },

    async lacks(recall) {
      const { endedAtMs, times } = await stateOf(recalls, recall, recall.messages.map(nameOf))
      if (isBefore(recall.recalledAtMs, endedAtMs)) return false
      return times.some((atMs = -Infinity) => atMs < leastTimeOf(recall))
    },

    async endGroup(group, atMs) {
      const known = await endOf(recalls, group)
      if (known === undefined || known < atMs) await endTopics(group, atMs)
      // Last, so that a call that failed before is completed by the next one.
      await endConversation({ group }, atMs)
    },
  }
}

/** The least time with which a recalled set holds a recall. One without a time repeats what was recalled in the hour before it. */
export const leastTimeOf = ({ recalledAtMs, untimed }: Recall): number =>
  recalledAtMs - (untimed ? UNTIMED_REPEAT_WINDOW_MS : 0)

/** Returns a score as a time; undefined for none, and for one that no gateway wrote. */
function toTime(score: string | null | undefined): number | undefined {
  const ms = score === null || score === undefined ? NaN : Number(score)
  return isDate(ms) ? ms : undefined
}
