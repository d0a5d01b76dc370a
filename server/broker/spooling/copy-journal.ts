import { setTimeout as delay } from 'node:timers/promises'
import type { Disk } from '../../lib/disk.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { openBackgroundJournal } from './background-journal.ts'
import type { Unflushed } from './background-journal.ts'
import type { Batch } from './copy-batches.ts'
import { decodeLine, encodeNote } from './copy-lines.ts'
import type { Copy, Line } from './copy-lines.ts'

/** How long `flushed` waits for a disk that is slow. */
const MAX_FLUSH_MS = 2_000

/** A copy, and its index in its batch. */
export interface Kept {
  readonly copy: Copy
  readonly index: number
}

/** A copy to be appended. */
interface CopyEntry extends Unflushed {
  readonly batch: Batch
  readonly isRecall: boolean
}

const isCopy = (entry: Unflushed): entry is CopyEntry => 'batch' in entry

interface CopyJournalOptions {
  readonly folder: string
  readonly disk: Disk | undefined
  /** See `openBackgroundJournal`. */
  readonly maxWaitMs: number | undefined
}

interface CopyJournalDependencies {
  readonly log: Logger
  /** Called for each copy, or part of a file, that the disk returns otherwise than it was written. */
  readonly onRotten: () => void
}

export type CopyJournal = ReturnType<typeof openCopyJournal>

/** Copies on disk, and the notes of what has become of them. What is not flushed to disk yet is in memory as well. */
export function openCopyJournal(
  { folder, disk, maxWaitMs }: CopyJournalOptions,
  { log, onRotten }: CopyJournalDependencies,
) {
  const journal = openBackgroundJournal(
    {
      folder,
      ...(disk && { disk }),
      maxWaitMs,
      onDamage({ kind, bytes, where }) {
        // Its end may be what was not flushed before a power cut.
        if (kind === 'entry') reportRotten({ bytes: bytes.length, where })
      },
    },
    { log },
  )

  function reportRotten(where: object): void {
    onRotten()
    log.error(where, 'copies of confirmed recalls are rotten on disk, Redis would lose them for good')
  }

  /** The keys of entries that were reported: they are read again and again while the broker is away. */
  const reported = new Set<number>()

  function reportEntry(key: number): void {
    if (reported.has(key)) return
    reported.add(key)
    reportRotten({ key })
  }

  return {
    /** Returns what an earlier process has written, with its key on disk, without what is rotten. */
    *lines(): Generator<{ readonly key: number; readonly line: Line; readonly bytes: number }> {
      for (const { key, payload, isRotten } of journal.onDisk()) {
        const line = isRotten ? undefined : decodeLine(payload)
        if (line === undefined) reportEntry(key)
        else yield { key, line, bytes: payload.length }
      }
    },

    /** Appends a copy. Returns what `append` of `openBackgroundJournal` does. */
    append: (entry: CopyEntry): Promise<void> | undefined => journal.append(entry),

    /** Appends a note. */
    note(line: Parameters<typeof encodeNote>[0], onFlushed?: (key: number) => void): void {
      void journal.append({ payload: encodeNote(line), ...(onFlushed && { onFlushed }) })
    },

    /** Resolves once everything is flushed to disk, or after 2 s if it is slow or failing. */
    async flushed(): Promise<void> {
      await Promise.race([journal.flush(), delay(MAX_FLUSH_MS, undefined, { ref: false })])
    },

    /** Returns the copies of a batch that are not replaced, without those that are rotten. */
    read(batch: Batch): readonly Kept[] {
      const kept: Kept[] = []
      const take = (payload: Buffer): void => {
        const line = decodeLine(payload)
        if ('batch' in line && line.batch[0] === batch.key && !batch.replaced.has(line.index)) kept.push(line)
      }
      if (batch.place)
        for (const { key, payload, isRotten } of journal.onDisk(batch.place.first, batch.place.last)) {
          if (isRotten) reportEntry(key)
          else take(payload)
        }
      for (const entry of journal.inMemory()) if (isCopy(entry) && entry.batch === batch) take(entry.payload)
      return kept
    },

    /** Returns what has waited longest for the disk; undefined if nothing waits. */
    oldest: (): object | undefined => journal.oldest(),

    /** Returns how many recalls are in memory only. */
    unwritten(): number {
      let unwritten = 0
      for (const entry of journal.inMemory()) if (isCopy(entry) && entry.isRecall) unwritten++
      return unwritten
    },

    /** Forgets the other batches, and what is on disk before this key; undefined if nothing there is needed. */
    keepOnly(isKept: (batch: Batch) => boolean, firstKey: number | undefined): void {
      journal.drop((entry) => isCopy(entry) && !isKept(entry.batch))
      journal.dropBefore(firstKey)
    },

    /** The size of what is on disk, in bytes, including what is not needed but in one file with what is. */
    bytes: journal.bytes,

    /** Resolves to whether everything is on disk, once it is or the disk has refused it. */
    async close(): Promise<boolean> {
      await journal.close()
      return [...journal.inMemory()].length === 0
    },
  }
}
