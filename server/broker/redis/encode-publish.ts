import type { Recall } from '../../../shared/recall.ts'
import type { Room } from '../../../shared/room.ts'
import { encodeEntry, joinEntry } from '../entry.ts'
import { UNTIMED_REPEAT_WITHIN_MS } from '../log-rules.ts'
import type { Keys } from './keys.ts'

/** A recall and the rooms that it goes to, that of its conversation first. */
export interface Addressed {
  readonly recall: Recall
  readonly rooms: readonly Room[]
  /** See `roomName`; made once, as each is needed several times. */
  readonly names: readonly string[]
}

interface EncodeDependencies {
  readonly keys: Keys
  /** Of the entry with all its messages; empty when nothing is signed. */
  readonly signatureOf: (entry: string) => string
}

/** The keys, and the arguments of each recall, of one call of the publish script; its header says what they mean. */
export function encodePublish(batch: readonly Addressed[], { keys, signatureOf }: EncodeDependencies) {
  const keyNames: string[] = []
  const values: (string | number)[] = []
  for (const { recall, rooms, names } of batch) {
    const entry = encodeEntry(recall)
    const { head, messages, tail } = entry
    keyNames.push(keys.recalled(recall))
    for (const name of names) keyNames.push(keys.head(name), keys.log(name), keys.channel(name))
    values.push(
      rooms.length,
      messages.length,
      recall.recalledAtMs,
      recall.untimed ? UNTIMED_REPEAT_WITHIN_MS : -1,
      head,
      tail,
      signatureOf(joinEntry(entry, messages)),
    )
    for (const [i, { seq }] of recall.messages.entries()) values.push(seq, messages[i] ?? '')
  }
  return { keys: keyNames, arguments: values }
}
