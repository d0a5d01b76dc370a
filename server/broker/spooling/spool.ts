import { join } from 'node:path'
import { openStore, committed } from '../../lib/data-dir.ts'
import { GatewayError } from '../../../shared/errors.ts'
import type { Recall } from '../../../shared/recall.ts'

interface SpoolOptions {
  /** Folder on a local disk; made if missing. */
  readonly dataDir: string
  /** Most bytes of recalls that wait; more are refused. */
  readonly maxBytes: number
}

/** One recall that waits. */
interface Spooled {
  /** Its place in the order of arrival. */
  readonly key: number
  readonly recall: Recall
  /** What it takes of the spool. */
  readonly bytes: number
}

/** How much waits, and for how long. */
interface SpoolDepth {
  readonly recalls: number
  readonly bytes: number
  /** Age of the oldest, in ms; 0 when nothing waits. */
  readonly ageMs: number
}

/** The durable queue of recalls that the broker has not confirmed yet. */
export interface Spool {
  /** Resolves once the recall is flushed to disk. Rejects with BROKER_UNAVAILABLE when it is full or the disk fails. */
  append(recall: Recall): Promise<void>
  /** The oldest, at most `limit`. */
  oldest(limit: number): readonly Spooled[]
  /** Forgets these, which the broker has confirmed. */
  remove(entries: readonly Spooled[]): Promise<void>
  /** False also while the first recall is still being written. */
  isEmpty(): boolean
  depth(nowMs: number): SpoolDepth
  /** Remembers, across restarts, that a broker could be reached. */
  markReached(brokerName: string): Promise<void>
  wasReached(brokerName: string): boolean
  close(): Promise<void>
}

/** Opens the spool in `dataDir`, with what an earlier process left there. Throws what the file system throws. */
export function openSpool({ dataDir, maxBytes }: SpoolOptions): Spool {
  const root = openStore(join(dataDir, 'spool'))
  const entries = root.openDB<string, number>('entries', { encoding: 'string' })
  const reached = root.openDB<boolean, string>('reached', { encoding: 'json' })

  let next = 1
  let recalls = 0
  let bytes = 0
  for (const { key, value } of entries.getRange({})) {
    next = key + 1
    recalls++
    bytes += Buffer.byteLength(value)
  }

  return {
    async append(recall) {
      const text = JSON.stringify(recall)
      const size = Buffer.byteLength(text)
      if (bytes + size > maxBytes) throw new GatewayError('BROKER_UNAVAILABLE', 'the spool is full')
      const key = next++
      recalls++
      bytes += size
      try {
        await committed(entries.put(key, text))
      } catch (cause) {
        recalls--
        bytes -= size
        throw new GatewayError('BROKER_UNAVAILABLE', 'the spool could not be written', { cause })
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
