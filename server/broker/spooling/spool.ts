import { join } from 'node:path'
import { GatewayError } from '../../../shared/errors.ts'
import type { Recall } from '../../../shared/recall.ts'
import { readChecked, writeChecked } from '../../lib/checked-file.ts'
import { systemDisk } from '../../lib/disk.ts'
import type { Disk } from '../../lib/disk.ts'
import { openJournal } from '../../lib/journal/journal.ts'
import type { Damage, Entry } from '../../lib/journal/journal.ts'
import { readOldStore } from '../../lib/old-store.ts'

interface SpoolOptions {
  /** A folder on a local disk; created if missing. */
  readonly dataDir: string
  /** Maximum size of the spooled recalls, in bytes; more are refused. */
  readonly maxBytes: number
  readonly disk?: Disk
  /** Called with what is found damaged on disk, before `openSpool` returns; and later with files that are gone. */
  readonly onDamage?: (damage: SpoolDamage) => void
}

export type SpoolDamage = Damage | ReachedDamage

/** It is not known any more which brokers have been reached. */
interface ReachedDamage extends Omit<Damage, 'kind'> {
  readonly kind: 'reached'
}

/** A spooled recall. */
export interface Spooled {
  /** Its number in order of arrival. */
  readonly key: number
  /** Undefined if the disk returned something else than was written. */
  readonly recall: Recall | undefined
  /** As stored. */
  readonly text: string
  /** What the disk returned instead of what was written. */
  readonly raw?: Buffer
  /** Its size, in bytes. */
  readonly bytes: number
}

interface SpoolDepth {
  readonly recalls: number
  readonly bytes: number
  /** Age of the oldest recall, in ms; 0 when the spool is empty. */
  readonly ageMs: number
  /** It had no room for the latest recall, and none has left it since. */
  readonly full?: true
}

/** The durable queue of recalls that the broker has not confirmed yet. */
export interface Spool {
  /** Resolves once flushed to disk. Rejects with BROKER_UNAVAILABLE when the spool is full or the disk fails. */
  append(recall: Recall): Promise<void>
  /** Returns the oldest recalls that are on disk from this key on, at most `limit`, without those whose key `skip` accepts. */
  oldest(limit: number, skip?: (key: number) => boolean, fromKey?: number): readonly Spooled[]
  /** Removes recalls that the broker has confirmed. */
  remove(confirmed: readonly Spooled[]): Promise<void>
  /** Returns how many recalls are on disk. */
  size(): number
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
  /** Returns whether the broker that was reached last is another one. */
  reachedAnother(brokerName: string): boolean
  close(): Promise<void>
}

/** Opens the spool in `dataDir`, including what an earlier process left there. Throws errors of the file system. */
export function openSpool({
  dataDir,
  maxBytes,
  disk = systemDisk,
  onDamage = () => undefined,
}: SpoolOptions): Spool {
  const folder = join(dataDir, 'spool')
  const journal = openJournal({ folder: join(folder, 'journal'), disk, onDamage })
  const reached = openReached(disk, join(folder, 'reached'), onDamage)
  importOld()
  const holdsRecalls = journal.size() > 0 || disk.list(join(dataDir, 'copies')).length > 0

  /** Bytes that are being written. */
  let pendingBytes = 0
  let pending = 0
  let isFull = false
  /** The oldest recall, how old it was when it was first looked at, and when that was: the clock may be set meanwhile. */
  let oldest = { key: 0, ageMs: 0, sinceMs: 0 }

  /** Takes over what the version before this one spooled. */
  function importOld(): void {
    const texts = new Map<number, Buffer>()
    const old = readOldStore(disk, folder, ({ database, key, value }) => {
      if (database === 'reached' || typeof key === 'string') reached.add(String(key))
      else if (typeof key === 'number' && parse(value)) texts.set(key, value)
      else if (database === 'entries')
        onDamage({ kind: 'entry', bytes: value, where: `${folder}, ${String(key)}` })
    })
    if (old === undefined) return
    if (old.damage !== undefined)
      onDamage({ kind: 'entry', bytes: Buffer.from(old.damage), where: `${folder}/data.mdb.damaged` })
    journal.importSync([...texts].toSorted(([one], [other]) => one - other).map(([, text]) => text))
    reached.save()
    old.finish()
  }

  return {
    async append(recall) {
      const payload = Buffer.from(JSON.stringify(recall))
      isFull = journal.bytes() + pendingBytes + payload.length > maxBytes
      if (isFull) throw new GatewayError('BROKER_UNAVAILABLE', 'the spool is full (SPOOL_MAX_BYTES)')
      pendingBytes += payload.length
      pending++
      try {
        await journal.append(payload)
      } catch (cause) {
        throw new GatewayError('BROKER_UNAVAILABLE', 'cannot write to the spool', { cause })
      } finally {
        pendingBytes -= payload.length
        pending--
      }
    },

    oldest: (limit, skip, fromKey) => journal.read(limit, { skip, fromKey }).map(toSpooled),
    async remove(confirmed) {
      await journal.remove(confirmed.map(({ key }) => key))
      if (confirmed.length > 0) isFull = false
    },
    size: journal.size,
    isEmpty: () => journal.size() === 0 && pending === 0,
    isWriting: () => pending > 0,
    written: journal.written,
    newestKey: journal.newestKey,

    depth(nowMs) {
      const fill = {
        recalls: journal.size() + pending,
        bytes: journal.bytes() + pendingBytes,
        ...(isFull && { full: true as const }),
      }
      const key = journal.oldestKey()
      if (key === undefined) return { ...fill, ageMs: 0 }
      // Asked for every second, and read from disk when it changes.
      if (oldest.key !== key) {
        const [first] = journal.read(1)
        const receivedAtMs = (first && parse(first.payload)?.receivedAtMs) ?? nowMs
        oldest = { key, ageMs: Math.max(0, nowMs - receivedAtMs), sinceMs: performance.now() }
      }
      return { ...fill, ageMs: oldest.ageMs + performance.now() - oldest.sinceMs }
    },

    async markReached(brokerName) {
      if (reached.last() === brokerName) return
      reached.add(brokerName)
      reached.save()
    },

    // Recalls on disk say so too: without the file, they must not wait for a broker that is away.
    wasReached: (brokerName) =>
      reached.isRotten || reached.has(brokerName) || (reached.isEmpty() && holdsRecalls),
    reachedAnother: (brokerName) => ![undefined, brokerName].includes(reached.last()),
    close: journal.close,
  }
}

/**
 * The names of brokers in a file, in the order in which they were reached last. If it is rotten, any broker may have been reached: no
 * webhook is lost by a start that waits.
 */
function openReached(disk: Disk, file: string, onDamage: (damage: ReachedDamage) => void) {
  const stored = readChecked(disk, file)
  const names = new Set(stored?.isRotten === false ? (stored.value as string[]) : [])
  if (stored?.isRotten === true) onDamage({ kind: 'reached', bytes: stored.bytes, where: file })
  return {
    isRotten: stored?.isRotten === true,
    isEmpty: (): boolean => names.size === 0,
    has: (name: string): boolean => names.has(name),
    last: (): string | undefined => [...names].at(-1),
    add(name: string): void {
      names.delete(name)
      names.add(name)
    },
    save: (): void => writeChecked(disk, file, [...names]),
  }
}

function toSpooled({ key, payload, isRotten }: Entry): Spooled {
  const spooled = { key, text: payload.toString(), bytes: payload.length }
  return isRotten ? { ...spooled, recall: undefined, raw: payload } : { ...spooled, recall: parse(payload) }
}

function parse(text: Buffer): Recall | undefined {
  try {
    return JSON.parse(text.toString()) as Recall
  } catch {
    return undefined
  }
}
