import { join } from 'node:path'
import { GatewayError } from '../../../shared/errors.ts'
import type { Recall } from '../../../shared/recall.ts'
import { committed, openStore } from '../../lib/data-dir.ts'

interface SpoolOptions {
  /** A folder on a local disk; created if missing. */
  readonly dataDir: string
  /** Maximum size of the spooled recalls, in bytes; more are refused. */
  readonly maxBytes: number
}

/** A spooled recall. */
interface Spooled {
  /** Its number in order of arrival. */
  readonly key: number
  readonly recall: Recall
  /** Its size, in bytes. */
  readonly bytes: number
}

interface SpoolDepth {
  readonly recalls: number
  readonly bytes: number
  /** Age of the oldest recall, in ms; 0 when the spool is empty. */
  readonly ageMs: number
}

/** The durable queue of recalls that the broker has not confirmed yet. */
export interface Spool {
  /** Resolves once flushed to disk. Rejects with BROKER_UNAVAILABLE when the spool is full or the disk fails. */
  append(recall: Recall): Promise<void>
  /** Returns the oldest recalls, at most `limit`. */
  oldest(limit: number): readonly Spooled[]
  /** Removes recalls that the broker has confirmed. */
  remove(confirmed: readonly Spooled[]): Promise<void>
  /** Returns false even while the first recall is still being written. */
  isEmpty(): boolean
  depth(nowMs: number): SpoolDepth
  /** Records, across restarts, that this broker has been reached. */
  markReached(brokerName: string): Promise<void>
  wasReached(brokerName: string): boolean
  close(): Promise<void>
}

/** Opens the spool in `dataDir`, including what an earlier process left there. Throws errors of the file system. */
export function openSpool({ dataDir, maxBytes }: SpoolOptions): Spool {
  const root = openStore(join(dataDir, 'spool'))
  const entries = root.openDB<string, number>('entries', { encoding: 'string' })
  const reached = root.openDB<boolean, string>('reached', { encoding: 'json' })

  let nextKey = 1
  let recalls = 0
  let bytes = 0
  for (const { key, value } of entries.getRange({})) {
    nextKey = key + 1
    recalls++
    bytes += Buffer.byteLength(value)
  }

  return {
    async append(recall) {
      const text = JSON.stringify(recall)
      const size = Buffer.byteLength(text)
      if (bytes + size > maxBytes) throw new GatewayError('BROKER_UNAVAILABLE', 'the spool is full')
      const key = nextKey++
      recalls++
      bytes += size
      try {
        await committed(entries.put(key, text))
      } catch (cause) {
        recalls--
        bytes -= size
        throw new GatewayError('BROKER_UNAVAILABLE', 'cannot write to the spool', { cause })
      }
    },

    oldest: (limit) =>
      Array.from(entries.getRange({ limit }), ({ key, value }) => ({
        key,
        recall: JSON.parse(value) as Recall,
        bytes: Buffer.byteLength(value),
      })),

    async remove(confirmed) {
      const removing = entries.transaction(() => {
        for (const { key } of confirmed) entries.removeSync(key)
      })
      await committed(removing)
      for (const entry of confirmed) {
        recalls--
        bytes -= entry.bytes
      }
    },

    isEmpty: () => recalls === 0,

    depth(nowMs) {
      const [first] = entries.getRange({ limit: 1 })
      const ageMs = first === undefined ? 0 : nowMs - (JSON.parse(first.value) as Recall).receivedAtMs
      return { recalls, bytes, ageMs }
    },

    async markReached(brokerName) {
      if (!reached.get(brokerName)) await committed(reached.put(brokerName, true))
    },

    wasReached: (brokerName) => reached.get(brokerName) === true,

    close: () => root.close(),
  }
}
