import type { RecoverableBroker } from '../broker.ts'
import { withTimeout } from '../timeout.ts'
import type { Connection } from './connection/connection.ts'
import type { Keys } from './keys.ts'
import { unexpectedReply } from './scripts.ts'

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
  return {
    async mark(name, value, expected) {
      const reply = await withTimeout(
        MARK_TIMEOUT_MS,
        commands.recallMark(1, keys.marker(name), value, expected ?? '', MARKER_TTL_MS),
      )
      if (typeof reply !== 'string') throw unexpectedReply()
      return reply === '' ? undefined : Number(reply)
    },
  }
}
