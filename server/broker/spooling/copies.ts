import { join } from 'node:path'
import { systemDisk } from '../../lib/disk.ts'
import type { Disk } from '../../lib/disk.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { Batches } from './copy-batches.ts'
import type { Batch } from './copy-batches.ts'
import { openCopyJournal } from './copy-journal.ts'
import type { Kept } from './copy-journal.ts'
import { copyEncoder, isEnd } from './copy-lines.ts'
import type { Copy } from './copy-lines.ts'
import { CopyLosses } from './copy-losses.ts'
import type { LostDepth } from './copy-losses.ts'
import { openMachineLife } from './machine-life.ts'
import { openMarkerWriter } from './marker-writer.ts'

/**
 * How long the copy of a recall is kept, from its confirmation on: 65 minutes, because a Redis with the defaults saves a snapshot once
 * an hour. What Redis may have lost is kept longer, until it is known or stored again.
 */
const MAX_AGE_MS = 3_900_000
/**
 * Maximum size of all copies, in bytes. Beyond it, the oldest are dropped. Twice as much while they may be lost: the copies of what is
 * stored again are larger, and must not take the place of what is still to be.
 */
const MAX_BYTES = 64 * 1024 * 1024
const MAX_BATCH_BYTES = 256 * 1024

interface CopiesOptions {
  readonly dataDir: string
  readonly maxBytes?: number
  readonly maxAgeMs?: number
  readonly disk?: Disk
  /** See `openBackgroundJournal`. */
  readonly maxWaitMs?: number
}

/** The batch to which copies are added, and what all of them need: nothing of a copy stays in memory but its payload. */
interface Open {
  readonly batch: Batch
  readonly encode: ReturnType<typeof copyEncoder>
  readonly place: (key: number) => void
}

interface CopiesDependencies {
  readonly log: Logger
  /** Called for each copy, or part of a file, that the disk returns otherwise than it was written. */
  readonly onRotten?: () => void
}

export type Copies = ReturnType<typeof openCopies>

/**
 * Copies of what the broker has confirmed in the last minutes, in case that it loses it: on disk, with an index in memory. Whoever
 * keeps copies stores markers in the broker, each of them greater than the one before, and says so with `advance`. A copy was
 * confirmed before the next marker was sent, so it has survived if that marker has. Their age is by a clock that is never set, and
 * that stands still while no process runs. Throws errors of the file system.
 */
export function openCopies(
  { dataDir, maxBytes = MAX_BYTES, maxAgeMs = MAX_AGE_MS, disk, maxWaitMs }: CopiesOptions,
  { log, onRotten = () => undefined }: CopiesDependencies,
) {
  const journal = openCopyJournal({ folder: join(dataDir, 'copies'), disk, maxWaitMs }, { log, onRotten })
  const life = openMachineLife({ file: join(dataDir, 'life'), disk: disk ?? systemDisk }, { log })
  const writer = openMarkerWriter({ file: join(dataDir, 'marker-writer'), disk: disk ?? systemDisk }, { log })
  const batches = new Batches()
  const losses = new CopyLosses({ batches, journal })
  let open: Open | undefined
  load()
  /** When this process began, by the clock of the age of copies. */
  const startedMs = (batches.newestMs() ?? Date.now()) - performance.now()
  dropBeyond(maxBytes, 2 * maxBytes)

  const ageClock = (): number => startedMs + performance.now()

  function load(): void {
    const restored: number[] = []
    for (const { key, line, bytes } of journal.lines()) {
      if ('batch' in line) {
        const batch = batches.get(line.batch[0]) ?? batches.load(...line.batch)
        batches.grow(batch, bytes, isEnd(line.copy))
        batches.place(batch, key)
      } else if ('restored' in line) restored.push(line.restored)
      else losses.load(key, line.lost, line.sinceMs)
    }
    losses.apply()
    for (const key of restored) batches.drop(key)
    batches.open(Date.now())
  }

  function begin(): Open {
    const batch = batches.begin(Date.now(), Math.floor(ageClock()))
    return { batch, encode: copyEncoder(batch), place: (key) => batches.place(batch, key) }
  }

  function add(copy: Copy, onFlushed?: () => void): Promise<void> | undefined {
    if (open === undefined || open.batch.bytes > MAX_BATCH_BYTES) open = begin()
    const { batch, encode, place } = open
    const payload = encode(batch.recalls + batch.ends, copy)
    batches.grow(batch, payload.length, isEnd(copy))
    const written = journal.append({
      payload,
      batch,
      isRecall: !isEnd(copy),
      onFlushed: onFlushed === undefined ? place : andThen(place, onFlushed),
    })
    dropBeyond(maxBytes, 2 * maxBytes)
    return written
  }

  function dropBeyond(bytes: number, lostBytes = bytes): void {
    const dropped = batches.dropBeyond(bytes, lostBytes)
    if (dropped.length === 0) return
    const recalls = dropped.reduce((sum, batch) => sum + (batch.isLost ? batch.recalls : 0), 0)
    if (recalls > 0) log.error({ recalls }, 'too many copies of recalls, the oldest are dropped')
    forgetDropped()
  }

  /** On disk and in memory, what is not kept any more. */
  function forgetDropped(): void {
    if (open && !batches.has(open.batch)) open = undefined
    const [firstCopy, firstLoss] = [batches.firstPlace(), losses.firstPlace()]
    const firstKey = firstLoss === undefined ? firstCopy : Math.min(firstCopy ?? Infinity, firstLoss)
    journal.keepOnly((batch) => batches.has(batch), firstKey)
  }

  /** The disk has one copy of each at any time. */
  function forgetReplaced(batch: Batch): void {
    if (!batch.isReplaced || batch.unflushed > 0 || !batches.has(batch)) return
    batches.drop(batch.key)
    journal.note({ restored: batch.key })
    forgetDropped()
  }

  return {
    /**
     * Keeps a copy of what has just been confirmed. Resolves once the operating system has it, so that it survives if the process is
     * killed, or soon if the disk does not take it: it stays in memory then, and is written once the disk does.
     */
    add,

    /** Resolves once all copies are flushed to disk, or soon if it is slow or failing. */
    flushed: journal.flushed,

    /** Returns the next marker, greater than all before. What is added from now on belongs behind it. */
    advance(): number {
      open = undefined
      return batches.advance(Date.now())
    },

    /**
     * Notes on disk that everything may be lost which has not certainly survived, given the marker that the broker still has;
     * undefined if it has none. It counts as lost until `restored`, from `sinceMs` on. Resolves to how many recalls, before it is
     * noted if the disk is slow or failing; see `isNoted`.
     */
    lose(marker: number | undefined, sinceMs: number): Promise<number> {
      open = undefined
      return losses.lose(marker ?? 0, sinceMs)
    },

    /** Returns whether the broker has lost a marker of an earlier process, given the marker that it still has; undefined if none. */
    hasLostEarlier: (marker: number | undefined): boolean => batches.hasLostEarlier(marker ?? 0),

    /** Returns whether the next process would know what is lost now, whatever marker it finds. */
    isNoted: (): boolean => losses.isNoted(),

    /** Returns the batches that may be lost, in the order of their confirmation. */
    lost: (): readonly Batch[] => batches.lost(),

    /** Returns the copies of a batch that are not replaced, without those that the disk returns otherwise than they were written. */
    read: (batch: Batch): readonly Kept[] => journal.read(batch),

    /** Replaces one copy of a batch: the broker has just confirmed it again. Without a new copy, it is kept elsewhere. */
    replace(batch: Batch, index: number, copy?: Copy): void {
      batch.replaced.add(index)
      if (copy === undefined) return
      batch.unflushed++
      void add(copy, () => {
        batch.unflushed--
        forgetReplaced(batch)
      })
    },

    /** To be called once all copies of a batch that can be read are replaced. */
    restored(batch: Batch): void {
      batch.isLost = false
      batch.isReplaced = true
      forgetReplaced(batch)
    },

    /** Drops what is too old to be kept. Not while it is unknown what the broker has lost. */
    dropOld(): void {
      // What is not kept any more is on disk until all before it is not kept either.
      if (journal.bytes() > 2 * maxBytes) dropBeyond(batches.size().bytes - maxBytes / 16)
      if (batches.dropBefore(ageClock() - maxAgeMs).length > 0) forgetDropped()
    },

    size: () => ({ ...batches.size(), unwritten: journal.unwritten() }),

    /** Returns what has waited longest for the disk; undefined if nothing waits. */
    oldestUnflushed: journal.oldest,

    /** Returns how much may be lost, and for how long. */
    lostDepth: (): LostDepth => losses.depth(),

    /** Who stores the markers. */
    writer,

    /** See `openMachineLife`. */
    lastCut: life.at,

    /** Resolves once everything is on disk, or the disk has refused it. */
    async close(): Promise<void> {
      life.end(await journal.close())
    },
  }
}

const andThen =
  (place: (key: number) => void, then: () => void) =>
  (key: number): void => {
    place(key)
    then()
  }
