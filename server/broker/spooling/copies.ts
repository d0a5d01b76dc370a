import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { systemDisk } from '../../lib/disk.ts'
import type { Disk } from '../../lib/disk.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { openBackgroundJournal } from './background-journal.ts'
import type { Unflushed } from './background-journal.ts'
import { Batches } from './copy-batches.ts'
import type { Batch, Loss } from './copy-batches.ts'
import { decodeLine, encodeLine, isEnd } from './copy-lines.ts'
import type { Copy } from './copy-lines.ts'
import { openMachineLife } from './machine-life.ts'
import { openMarkerWriter } from './marker-writer.ts'

/**
 * How long the copy of a recall is kept, from its confirmation on: 65 minutes, because a Redis with the defaults saves a snapshot once
 * an hour. What Redis may have lost is kept longer, until it is known or stored again.
 */
const MAX_AGE_MS = 3_900_000
/** Maximum size of all copies, in bytes. Beyond it, the oldest are dropped. */
const MAX_BYTES = 64 * 1024 * 1024
const MAX_BATCH_BYTES = 256 * 1024
/** How long a loss waits to be noted by a disk that is slow. */
const MAX_NOTE_MS = 2_000

/** A copy, and its index in its batch. */
export interface Kept {
  readonly copy: Copy
  readonly index: number
}

interface CopyEntry extends Unflushed {
  readonly batch: Batch
  readonly isRecall: boolean
}

const isCopy = (entry: Unflushed): entry is CopyEntry => 'batch' in entry

interface CopiesOptions {
  readonly dataDir: string
  readonly maxBytes?: number
  readonly maxAgeMs?: number
  readonly disk?: Disk
  /** See `openBackgroundJournal`. */
  readonly maxWaitMs?: number
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
  const journal = openBackgroundJournal(
    {
      folder: join(dataDir, 'copies'),
      ...(disk && { disk }),
      maxWaitMs,
      onDamage({ kind, bytes, where }) {
        // Its end may be what was not flushed before a power cut.
        if (kind === 'entry') reportRotten({ bytes: bytes.length, where })
      },
    },
    { log },
  )
  const life = openMachineLife({ file: join(dataDir, 'life'), disk: disk ?? systemDisk }, { log })
  const writer = openMarkerWriter({ file: join(dataDir, 'marker-writer'), disk: disk ?? systemDisk }, { log })
  const batches = new Batches()
  let open: Batch | undefined
  /** Since when something may be lost, in ms since 1970. */
  let lostSinceMs = Date.now()
  /** Where on disk the first loss is noted, from which not all is restored yet. */
  let firstNote: number | undefined
  /** Losses that the disk has not taken yet. */
  let unnoted = 0
  load()
  /** When this process began, by the clock of the age of copies. */
  const startedMs = (batches.newestMs() ?? Date.now()) - performance.now()
  dropBeyond(maxBytes)

  const ageClock = (): number => startedMs + performance.now()

  function load(): void {
    const losses: Loss[] = []
    const restored: number[] = []
    for (const { key, payload, isRotten } of journal.onDisk()) {
      const line = isRotten ? undefined : decodeLine(payload)
      if (line === undefined) reportRotten({ key })
      else if ('batch' in line) {
        const batch = batches.get(line.batch[0]) ?? batches.load(...line.batch)
        batches.grow(batch, payload.length, isEnd(line.copy))
        place(batch, key)
      } else if ('restored' in line) restored.push(line.restored)
      else {
        if (losses.length === 0) lostSinceMs = line.sinceMs
        losses.push(line.lost)
        firstNote ??= key
      }
    }
    // The process before may have stored some of them again, and ended before it noted where.
    for (const loss of losses) for (const batch of batches.lose(loss)) batch.isDoubtful = true
    for (const key of restored) batches.drop(key)
    batches.open(Date.now())
  }

  function reportRotten(where: object): void {
    onRotten()
    log.error(where, 'copies of confirmed recalls are rotten on disk, Redis would lose them for good')
  }

  function place(batch: Batch, key: number): void {
    const { first = key, last = key } = batch.place ?? {}
    batch.place = { first: Math.min(first, key), last: Math.max(last, key) }
  }

  function add(copy: Copy, onFlushed: () => void = () => undefined): Promise<void> | undefined {
    if (open === undefined || open.bytes > MAX_BATCH_BYTES) open = batches.begin(Date.now(), ageClock())
    const batch = open
    const index = batch.recalls + batch.ends
    const payload = encodeLine({ batch: [batch.key, batch.marker, batch.atMs], index, copy })
    batches.grow(batch, payload.length, isEnd(copy))
    const entry: CopyEntry = {
      payload,
      batch,
      isRecall: !isEnd(copy),
      onFlushed(key) {
        place(batch, key)
        onFlushed()
      },
    }
    const written = journal.append(entry)
    dropBeyond(maxBytes)
    return written
  }

  function dropBeyond(bytes: number): void {
    const dropped = batches.dropBeyond(bytes)
    if (dropped.length === 0) return
    const recalls = dropped.reduce((sum, batch) => sum + (batch.isLost ? batch.recalls : 0), 0)
    if (recalls > 0) log.error({ recalls }, 'too many copies of recalls, the oldest are dropped')
    forgetDropped()
  }

  /** On disk and in memory, what is not kept any more. */
  function forgetDropped(): void {
    if (open && !batches.has(open)) open = undefined
    journal.drop((entry) => isCopy(entry) && !batches.has(entry.batch))
    if (batches.lost().length === 0) firstNote = undefined
    const first = batches.firstPlace()
    journal.dropBefore(firstNote === undefined ? first : Math.min(first ?? Infinity, firstNote))
  }

  /** The disk has one copy of each at any time. */
  function forgetReplaced(batch: Batch): void {
    if (!batch.isReplaced || batch.unflushed > 0 || !batches.has(batch)) return
    batches.drop(batch.key)
    void journal.append({ payload: encodeLine({ restored: batch.key }) })
    forgetDropped()
  }

  return {
    /**
     * Keeps a copy of what has just been confirmed. Resolves once the operating system has it, so that it survives if the process is
     * killed, or soon if the disk does not take it: it stays in memory then, and is written once the disk does.
     */
    add,

    /** Resolves once all copies are flushed to disk, or soon if it is slow or failing. */
    async flushed(): Promise<void> {
      await Promise.race([journal.flush(), delay(MAX_NOTE_MS, undefined, { ref: false })])
    },

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
    async lose(marker: number | undefined, sinceMs: number): Promise<number> {
      open = undefined
      if (batches.lost().length === 0) lostSinceMs = sinceMs
      const loss = batches.lossSince(marker ?? 0)
      const lost = batches.lose(loss)
      if (lost.length > 0) {
        const payload = encodeLine({ lost: loss, sinceMs: lostSinceMs })
        unnoted++
        void journal.append({
          payload,
          onFlushed(key) {
            unnoted--
            firstNote ??= key
          },
        })
        await Promise.race([journal.flush(), delay(MAX_NOTE_MS, undefined, { ref: false })])
      }
      return lost.reduce((sum, { recalls }) => sum + recalls, 0)
    },

    /** Returns whether the broker has lost a marker of an earlier process, given the marker that it still has; undefined if none. */
    hasLostEarlier: (marker: number | undefined): boolean => batches.hasLostEarlier(marker ?? 0),

    /** Returns whether the next process would know what is lost now, whatever marker it finds. */
    isNoted: (): boolean => unnoted === 0 || batches.lost().length === 0,

    /** Returns the batches that may be lost, in the order of their confirmation. */
    lost: (): readonly Batch[] => batches.lost(),

    /** Returns the copies of a batch that are not replaced, without those that the disk returns otherwise than they were written. */
    read(batch: Batch): readonly Kept[] {
      const kept: Kept[] = []
      const take = (payload: Buffer): void => {
        const line = decodeLine(payload)
        if ('batch' in line && line.batch[0] === batch.key && !batch.replaced.has(line.index)) kept.push(line)
      }
      if (batch.place)
        for (const { payload, isRotten } of journal.onDisk(batch.place.first, batch.place.last)) {
          if (isRotten) reportRotten({ batch: batch.key })
          else take(payload)
        }
      for (const entry of journal.inMemory()) if (isCopy(entry) && entry.batch === batch) take(entry.payload)
      return kept
    },

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

    size() {
      let unwritten = 0
      for (const entry of journal.inMemory()) if (isCopy(entry) && entry.isRecall) unwritten++
      return { ...batches.size(), unwritten }
    },

    /** Returns how much may be lost, and for how long, in ms. */
    lostDepth(nowMs: number): { readonly recalls: number; readonly bytes: number; readonly ageMs: number } {
      const lost = batches.lost()
      const sum = (of: 'recalls' | 'bytes'): number => lost.reduce((total, batch) => total + batch[of], 0)
      return {
        recalls: sum('recalls'),
        bytes: sum('bytes'),
        ageMs: lost.length === 0 ? 0 : nowMs - lostSinceMs,
      }
    },

    /** Who stores the markers. */
    writer,

    /** See `openMachineLife`. */
    lastCut: life.at,

    /** Resolves once everything is on disk, or the disk has refused it. */
    async close(): Promise<void> {
      await journal.close()
      life.end([...journal.inMemory()].length === 0)
    },
  }
}
