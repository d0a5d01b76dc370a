import { randomUUID } from 'node:crypto'
import { POSITION_TTL_S, UNTIMED_REPEAT_WINDOW_MS } from '../broker.ts'
import type { BrokerOptions } from '../broker.ts'
import { encodeEntry, joinEntry } from '../history.ts'
import type { Keys } from './keys.ts'
import type { Addressed } from './publish-queue.ts'

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

/** Returns keys and arguments of a call of the publish script, whose header explains them. */
export function encodePublish(
  { recall, rooms, names }: Addressed,
  { historySize, ttlsMs, waits }: PublishSettings,
  { keys, signatureOf }: EncodeDependencies,
): { readonly keys: readonly string[]; readonly arguments: readonly (string | number)[] } {
  const entry = encodeEntry(recall)
  const { head, messages, tail } = entry
  const { group, topic } = recall
  const keyNames = [keys.recalled(recall)]
  for (const name of names) keyNames.push(keys.head(name), keys.log(name), keys.channel(name))
  if (topic !== undefined) keyNames.push(keys.recalled({ group }), keys.topics(group))
  const values: (string | number)[] = [
    randomUUID(),
    historySize,
    ...ttlsMs,
    waits ? 1 : 0,
    rooms.length,
    messages.length,
    recall.recalledAtMs,
    recall.untimed ? UNTIMED_REPEAT_WINDOW_MS : -1,
    head,
    tail,
    signatureOf(joinEntry(entry, messages)),
    topic ?? '',
  ]
  for (const [i, { seq }] of recall.messages.entries()) values.push(seq, messages[i] ?? '')
  return { keys: keyNames, arguments: values }
}
