import { randomUUID } from 'node:crypto'
import { nameOf } from '../../../shared/message.ts'
import type { BrokerOptions } from '../broker.ts'
import { digestOf } from '../chain.ts'
import { encodeEntry, joinEntry } from '../history.ts'
import { UNTIMED_REPEAT_WINDOW_MS } from '../repeats.ts'
import { POSITION_TTL_S } from '../retention.ts'
import type { Keys } from './keys.ts'
import type { Addressed } from './publish-queue.ts'
import { memberOf } from './recalled-sets.ts'

/** What all calls of the publish script have in common, encoded. */
export interface PublishSettings {
  readonly historySize: number
  /** TTLs in ms: of a log, of a head, of a recalled set (0 = forever), and by how much logs and heads outlive theirs. */
  readonly ttlsMs: readonly [log: number, head: number, recalledSet: number, slack: number]
  /** Whether every call must write something, for WAIT to confirm. */
  readonly waits: boolean
}

/** The slack that logs and heads get beyond their TTL, as a fraction of it, so that not every publish has to extend the TTL. */
const TTL_SLACK = 1 / 16

/** Extending a TTL costs as much as storing a recall; with the slack, it is due only once in that time. */
export function publishSettings(
  { historySize, historyTtlS, recalledTtlS }: BrokerOptions,
  waits: boolean,
): PublishSettings {
  const shortestMs = Math.min(historyTtlS, POSITION_TTL_S) * 1_000
  const slackMs = Math.floor(shortestMs * TTL_SLACK)
  const ttlsMs = [historyTtlS * 1_000, POSITION_TTL_S * 1_000, (recalledTtlS ?? 0) * 1_000, slackMs] as const
  return { historySize, ttlsMs, waits }
}

interface EncodeDependencies {
  readonly keys: Keys
  /** Returns the signature of an entry with all its messages; empty when nothing is signed. */
  readonly signatureOf: (entry: string) => string
}

/** Recalls in one call of the publish script. */
export const RECALLS_PER_CALL = 8
/** Keys of a recall; any other stands where it has none. */
const KEYS_PER_RECALL = 15
/** The last keys of a recall in a topic. */
const KEYS_OF_TOPIC = 2

interface PublishCall {
  readonly keys: readonly string[]
  readonly arguments: readonly (string | number)[]
}

/** Returns keys and arguments of a call of the publish script, whose header explains them, for one or several recalls. */
export function encodePublish(
  recalls: Addressed | readonly Addressed[],
  { historySize, ttlsMs, waits }: PublishSettings,
  { keys, signatureOf }: EncodeDependencies,
): PublishCall {
  const batch = 'recall' in recalls ? [recalls] : recalls
  const keyNames: string[] = []
  const values: (string | number)[] = [randomUUID(), historySize, ...ttlsMs, waits ? 1 : 0, batch.length]
  for (const { recall, rooms, names } of batch) {
    const entry = encodeEntry(recall)
    const { head, messages, tail } = entry
    const { group, topic } = recall
    const set = keys.recalled(recall)
    const text = joinEntry(entry, messages)
    // Not beyond the last one: most calls carry a single recall.
    while (keyNames.length % KEYS_PER_RECALL > 0) keyNames.push(set)
    const end = keyNames.length + KEYS_PER_RECALL
    keyNames.push(set)
    for (const name of names)
      keyNames.push(keys.head(name), keys.log(name), keys.channel(name), keys.told(name))
    if (topic !== undefined) {
      while (keyNames.length < end - KEYS_OF_TOPIC) keyNames.push(set)
      keyNames.push(keys.recalled({ group }), keys.topics(group))
    }
    values.push(
      rooms.length,
      messages.length,
      recall.recalledAtMs,
      recall.untimed ? UNTIMED_REPEAT_WINDOW_MS : -1,
      head,
      tail,
      signatureOf(text),
      digestOf(text),
      topic ?? '',
    )
    for (const [i, message] of recall.messages.entries())
      values.push(memberOf(nameOf(message)), messages[i] ?? '')
  }
  return { keys: keyNames, arguments: values }
}
