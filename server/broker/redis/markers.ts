import { nameOf } from '../../../shared/message.ts'
import type { Recall } from '../../../shared/recall.ts'
import type { EndedGroup, RecoverableBroker } from '../recoverable-broker.ts'
import { withTimeout } from '../timeout.ts'
import type { Connection } from './connection/connection.ts'
import type { Keys } from './keys.ts'
import { ENDED, leastTimeOf, memberOf } from './recalled-sets.ts'
import { toArray, unexpectedReply } from './scripts.ts'

/**
 * How long a marker is stored after its last use, in ms: a day. A receiver that is away for longer finds none, and publishes its
 * copies again for nothing.
 */
const MARKER_TTL_MS = 86_400_000

/** Markers share the connection of the recalls, which may have to wait for others. */
const MARK_TIMEOUT_MS = 2_500

interface MarkersDependencies {
  /** The connection on which recalls are published: another one may lead to another server. */
  readonly commands: Connection['client']
  readonly keys: Keys
}

/** Stores the markers of receivers, which show what has survived; see `RecoverableBroker.mark`. */
export function createMarkers({ commands, keys }: MarkersDependencies): Pick<RecoverableBroker, 'mark'> {
  /** Returns the recalled set that holds it, as which member, and with which time at least. */
  const placeOf = (one: Recall | EndedGroup): [set: string, member: string, sinceMs: number] =>
    'ended' in one
      ? [keys.recalled({ group: one.ended }), ENDED, one.atMs]
      : [keys.recalled(one), memberOfLast(one), leastTimeOf(one)]

  return {
    async mark({ name, from, to }, value, expected, latest) {
      const key = keys.marker(name)
      const [set, member, sinceMs] = latest ? placeOf(latest) : [key, '', 0]
      const reply = await withTimeout(
        MARK_TIMEOUT_MS,
        commands.recallMark(2, key, set, value, expected ?? '', MARKER_TTL_MS, member, sinceMs, from, to),
      )
      const [before, stored] = toArray(reply)
      if (typeof before !== 'string') throw unexpectedReply()
      return { before: before === '' ? undefined : Number(before), isStored: stored === 1 }
    },
  }
}

function memberOfLast({ messages }: Recall): string {
  const last = messages.at(-1)
  return last === undefined ? '' : memberOf(nameOf(last))
}
