import { join } from 'node:path'
import { GatewayError } from '../../../shared/errors.ts'
import { systemDisk } from '../../lib/disk.ts'
import type { Disk } from '../../lib/disk.ts'
import { openJournal } from '../../lib/journal/journal.ts'
import type { Damage } from '../../lib/journal/journal.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { decodeEntry, encodeEntry } from './queue-entry.ts'
import type { QueuedRequest } from './queue-entry.ts'

/** What the memory for them allows: 200,000 take 20 MB, and 100 MB if each is in a lane of its own. */
const MAX_REQUESTS = 500_000
/** Requests that are being written are in memory. Twice what may be at the backend, all of which fails at the same time if that hangs. */
const MAX_WRITING_BYTES = 2 ** 26
/** Entries read at a time. */
const PAGE = 200

export interface QueueStoreOptions {
  /** A folder on a local disk; created if missing. */
  readonly dataDir: string
  /** Maximum size of the queued requests, in bytes; more are refused. */
  readonly maxBytes: number
  readonly maxRequests?: number
  readonly disk?: Disk
  /** Called with what is found damaged on disk, before `openQueueStore` returns; and later with files that are gone. */
  readonly onDamage?: (damage: Damage) => void
}

/** What the disk returns for a request. */
export interface Read {
  readonly key: number
  /** Undefined if it is rotten, or of a version that writes it otherwise. */
  readonly queued: QueuedRequest | undefined
  /** As read. */
  readonly payload: Buffer
}

export type QueueStore = ReturnType<typeof openQueueStore>

const folderIn = (dataDir: string): string => join(dataDir, 'relay')

/** Returns how many requests a process has left in DATA_DIR. Throws errors of the file system. */
export function countQueued(dataDir: string): number {
  const folder = folderIn(dataDir)
  return systemDisk.list(folder).length === 0 ? 0 : openJournal({ folder, readOnly: true }).size()
}

/** The requests on disk, in DATA_DIR/relay. Throws errors of the file system. */
export function openQueueStore(
  { dataDir, maxBytes, maxRequests = MAX_REQUESTS, disk, onDamage }: QueueStoreOptions,
  log: Logger,
) {
  const journal = openJournal({
    folder: folderIn(dataDir),
    ...(disk && { disk }),
    ...(onDamage && { onDamage }),
  })
  let writing = 0
  let writingBytes = 0
  /** Keys of requests that are to be removed. */
  let ended: number[] = []
  /** How many of them the journal still counts. */
  let leaving = 0
  let removing: Promise<void> | undefined
  let hasFailed = false

  const requests = (): number => journal.size() + writing - leaving

  function checkRoom(bytes: number): void {
    if (requests() >= maxRequests)
      throw new GatewayError('NOT_KEPT', `the relay's queue is full: ${maxRequests} requests wait`)
    if (journal.bytes() + writingBytes + bytes > maxBytes)
      throw new GatewayError('NOT_KEPT', "the relay's queue is full (RELAY_QUEUE_MAX_BYTES)")
    if (writingBytes + bytes > MAX_WRITING_BYTES)
      throw new GatewayError('NOT_KEPT', "the disk of the relay's queue is too slow")
  }

  async function removeAll(): Promise<void> {
    while (ended.length > 0) {
      const keys = ended
      ended = []
      try {
        await journal.remove(keys)
        hasFailed = false
      } catch (err) {
        // They are removed for this process, and written down with the next ones.
        if (!hasFailed)
          log.error({ err }, 'cannot write which relayed requests are delivered, it goes on without')
        hasFailed = true
      }
      leaving -= keys.length
    }
    removing = undefined
  }

  const toRead = ({ key, payload, isRotten }: { key: number; payload: Buffer; isRotten: boolean }): Read => ({
    key,
    payload,
    queued: isRotten ? undefined : decodeEntry(payload),
  })

  return {
    /** Resolves to its key once it is flushed to disk. Rejects with NOT_KEPT, at once if the queue is full. */
    async append(queued: QueuedRequest): Promise<number> {
      const payload = encodeEntry(queued)
      checkRoom(payload.length)
      writing++
      writingBytes += payload.length
      try {
        return await journal.append(payload)
      } catch (cause) {
        throw new GatewayError('NOT_KEPT', "cannot write to the relay's queue", { cause })
      } finally {
        writing--
        writingBytes -= payload.length
      }
    },

    /** Returns undefined if its file is gone. Throws errors of the file system. */
    read(key: number): Read | undefined {
      const [entry] = journal.read(1, { fromKey: key })
      return entry?.key === key ? toRead(entry) : undefined
    },

    /** Returns the oldest requests. Throws errors of the file system. */
    oldest: (limit: number): Read[] => journal.read(limit).map(toRead),
    oldestKey: journal.oldestKey,

    /** Reads everything, oldest first. */
    *all(): Generator<Read> {
      for (let fromKey = 0; ;) {
        const page = journal.read(PAGE, { fromKey })
        for (const entry of page) yield toRead(entry)
        const last = page.at(-1)
        if (last === undefined) return
        fromKey = last.key + 1
      }
    },

    /** Removes a request that needs no more attempts. Those of one flush are removed together. */
    remove(key: number): void {
      ended.push(key)
      leaving++
      removing ??= removeAll()
    },

    requests,
    bytes: (): number => journal.bytes() + writingBytes,

    async close(): Promise<void> {
      await removing
      await journal.close()
    },
  }
}
