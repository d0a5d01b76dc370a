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
export interface Spooled {
  /** Its number in order of arrival. */
  readonly key: number
  /** Undefined if the disk returned something else than was written. */
  readonly recall: Recall | undefined
  /** As stored. */
  readonly text: string
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
  /** Returns the oldest recalls that are on disk from this key on, at most `limit`, without those whose key `skip` accepts. */
  oldest(limit: number, skip?: (key: number) => boolean, fromKey?: number): readonly Spooled[]
  /** Removes recalls that the broker has confirmed. */
  remove(confirmed: readonly Spooled[]): Promise<void>
  /** Returns false even while the first recall is still being written. */
  isEmpty(): boolean
  /** Returns whether recalls are being written that `oldest` cannot see yet. */
  isWriting(): boolean
  /** Resolves once the writes that are under way now have ended, well or not. */
  written(): Promise<void>
  /** Returns the key of the newest recall; 0 before the first. */
  newestKey(): number
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
  const writes = new Set<Promise<unknown>>()
  /** The oldest recall, how old it was when it was first looked at, and the time since then: the clock may be set meanwhile. */
  let oldest: { readonly key: number; readonly ageMs: number; readonly sinceMs: number } | undefined
  for (const { key, value } of entries.getRange({})) {
    nextKey = key + 1
    recalls++
    bytes += Buffer.byteLength(value)
  }

  return {
    async append(recall) {
      const text = JSON.stringify(recall)
      const size = Buffer.byteLength(text)
      if (bytes + size > maxBytes)
        throw new GatewayError('BROKER_UNAVAILABLE', 'the spool is full (SPOOL_MAX_BYTES)')
      const key = nextKey++
      recalls++
      bytes += size
      const write = committed(entries.put(key, text))
      writes.add(write)
      try {
        await write
      } catch (cause) {
        recalls--
        bytes -= size
        throw new GatewayError('BROKER_UNAVAILABLE', 'cannot write to the spool', { cause })
      } finally {
        writes.delete(write)
      }
    },

    oldest(limit, skip = () => false, fromKey = 0) {
      const found: Spooled[] = []
      for (const { key, value } of entries.getRange({ start: fromKey })) {
        if (found.length >= limit) break
        if (!skip(key))
          found.push({ key, recall: parse(value), text: value, bytes: Buffer.byteLength(value) })
      }
      return found
    },

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
    isWriting: () => writes.size > 0,
    written: async () => void (await Promise.allSettled(writes)),
    newestKey: () => nextKey - 1,

    depth(nowMs) {
      const [first] = entries.getRange({ limit: 1 })
      if (first?.key !== oldest?.key)
        oldest = first && {
          key: first.key,
          ageMs: Math.max(0, nowMs - (parse(first.value)?.receivedAtMs ?? nowMs)),
          sinceMs: performance.now(),
        }
      return {
        recalls,
        bytes,
        ageMs: oldest === undefined ? 0 : oldest.ageMs + performance.now() - oldest.sinceMs,
      }
    },

    async markReached(brokerName) {
      if (!reached.get(brokerName)) await committed(reached.put(brokerName, true))
    },

    wasReached: (brokerName) => reached.get(brokerName) === true,

    close: () => root.close(),
  }
}

function parse(text: string): Recall | undefined {
  try {
    return JSON.parse(text) as Recall
  } catch {
    return undefined
  }
}
