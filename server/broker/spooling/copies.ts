import { join } from 'node:path'
import type { Position } from '../../../shared/position.ts'
import type { Recall } from '../../../shared/recall.ts'
import { committed, openStore } from '../../lib/data-dir.ts'
import { systemDisk } from '../../lib/disk.ts'
import { setAsideIfDamaged } from '../../lib/lmdb-file/set-aside.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { Batches, isSound } from './copy-batches.ts'
import type { Batch } from './copy-batches.ts'

/**
 * How long the copy of a recall is kept, from its confirmation on: 65 minutes, because a Redis with the defaults saves a snapshot once
 * an hour. Time in which the receiver does not run, or Redis does not answer, does not count.
 */
const MAX_AGE_MS = 3_900_000
/** Maximum size of all copies, in bytes. Beyond it, the oldest are dropped. */
const MAX_BYTES = 64 * 1024 * 1024
/** Copies are written to disk together, this long after the first of them. */
const WRITE_DELAY_MS = 200
const RETRY_DELAY_MS = 1_000
const MAX_BATCH_BYTES = 256 * 1024

/** A recall that the broker confirmed, and the positions that it got each time, in the order of `roomsOf`. */
export interface RecallCopy {
  readonly recall: Recall
  readonly confirmed: readonly (readonly Position[])[]
}

/** The end of a group that the broker confirmed. */
export interface EndCopy {
  readonly ended: string
  readonly atMs: number
}

export type Copy = RecallCopy | EndCopy

export const isEnd = (copy: Copy): copy is EndCopy => 'ended' in copy

interface CopiesOptions {
  readonly dataDir: string
  readonly maxBytes?: number
  readonly maxAgeMs?: number
}

export type Copies = ReturnType<typeof openCopies>

/**
 * Copies of what the broker has confirmed in the last minutes, in case that it loses it: in memory at once, on disk a moment later.
 * Whoever keeps copies stores markers in the broker, each of them greater than the one before, and says so with `advance`. A copy
 * was confirmed before the next marker was sent, so it has survived if that marker has. Throws errors of the file system.
 */
export function openCopies(
  { dataDir, maxBytes = MAX_BYTES, maxAgeMs = MAX_AGE_MS }: CopiesOptions,
  { log }: { readonly log: Logger },
) {
  const folder = join(dataDir, 'copies')
  const damage = setAsideIfDamaged(systemDisk, join(folder, 'data.mdb'))
  if (damage !== undefined)
    log.error({ damage }, 'the copies of confirmed recalls are damaged on disk, starting without any')
  const root = openStore(folder)
  const texts = root.openDB<string, number>('texts', { encoding: 'string' })
  const heads = root.openDB<Batch, number>('batches', { encoding: 'json' })
  const batches = new Batches(heads.getRange({}))
  /** Written to disk next; null to remove the batch, undefined for one whose text is there already. */
  const unwritten = new Map<number, string | null | undefined>()
  let lines: string[] = []
  let open: Batch | undefined
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> = Promise.resolve()
  let isClosed = false
  /** Since when something may be lost, in ms since 1970. */
  let lostSinceMs = Date.now()

  function add(copy: Copy): void {
    const line = JSON.stringify(copy)
    const bytes = Buffer.byteLength(line)
    if (open === undefined || open.bytes + bytes > MAX_BATCH_BYTES) {
      seal()
      open = batches.begin(Date.now())
    }
    lines.push(line)
    batches.grow(open, bytes, isEnd(copy))
    batches.dropBeyond(maxBytes, drop)
    writeSoon()
  }

  /** What follows goes into another batch. */
  function seal(): void {
    if (open === undefined) return
    if (batches.has(open.key)) unwritten.set(open.key, batches.seal(open, lines))
    open = undefined
    lines = []
  }

  function drop({ key, recalls, isLost }: Batch): void {
    unwritten.set(key, null)
    if (isLost) log.error({ recalls }, 'too many copies of recalls, the oldest are dropped')
  }

  function writeSoon(ms = WRITE_DELAY_MS): void {
    if (isClosed) return
    timer ??= setTimeout(() => {
      timer = undefined
      void write()
    }, ms).unref()
  }

  /** Resolves once everything is on disk, or the disk has refused it, which is tried again. */
  function write(): Promise<void> {
    seal()
    writing = writing.then(async () => {
      if (unwritten.size === 0) return
      const some = new Map(unwritten)
      try {
        await committed(root.transaction(() => some.forEach(writeOne)))
      } catch (err) {
        log.error({ err, batches: some.size }, 'cannot write copies of recalls, retrying')
        return writeSoon(RETRY_DELAY_MS)
      }
      for (const [key, text] of some) if (unwritten.get(key) === text) unwritten.delete(key)
    })
    return writing
  }

  function writeOne(text: string | null | undefined, key: number): void {
    const batch = batches.get(key)
    if (text === null || batch === undefined) {
      texts.removeSync(key)
      heads.removeSync(key)
      return
    }
    if (text !== undefined) texts.putSync(key, text)
    heads.putSync(key, batch)
  }

  return {
    /** Keeps a copy of what has just been confirmed. */
    add,

    /** Returns the next marker, greater than all before. What is added from now on belongs behind it. */
    advance(): number {
      seal()
      return batches.advance(Date.now())
    },

    /**
     * Notes on disk that everything may be lost which has not certainly survived, given the marker that the broker still has;
     * undefined if it has none. It counts as lost until `restored`, from `sinceMs` on. Returns how many recalls.
     */
    async lose(marker: number | undefined, sinceMs: number): Promise<number> {
      seal()
      if (batches.lost().length === 0) lostSinceMs = sinceMs
      const lost = batches.lose(marker ?? 0)
      for (const { key } of lost) unwritten.set(key, unwritten.get(key))
      await write()
      return lost.reduce((sum, { recalls }) => sum + recalls, 0)
    },

    /** Returns the batches that may be lost, in the order of their confirmation. */
    lost: (): readonly Batch[] => batches.lost(),

    /** Returns the copies of a batch, in the order of their confirmation; without those that the disk returns otherwise. */
    read(batch: Batch): readonly Copy[] {
      const text = unwritten.get(batch.key) ?? texts.get(batch.key) ?? ''
      const copies = isSound(batch, text) ? text.split('\n').map((line) => JSON.parse(line) as Copy) : []
      if (copies.length === 0)
        log.error({ recalls: batch.recalls }, 'copies of recalls are unreadable, and lost')
      return copies
    },

    /** Replaces the copies of a batch: the broker has just confirmed them again. */
    restored(batch: Batch, copies: readonly Copy[]): void {
      if (!batches.has(batch.key)) return
      unwritten.set(
        batch.key,
        batches.restore(
          batch,
          copies.map((copy) => JSON.stringify(copy)),
        ),
      )
      writeSoon()
    },

    /** Drops what is too old to be kept. Not while it is unknown what the broker has lost. */
    dropOld(): void {
      batches.dropBefore(Date.now() - maxAgeMs, drop)
      if (unwritten.size > 0) writeSoon()
    },

    size() {
      const isUnwritten = (text: string | null | undefined): boolean => typeof text === 'string'
      const keys = [...unwritten].flatMap(([key, text]) => (isUnwritten(text) ? [key] : []))
      const unwrittenRecalls = keys.reduce(
        (sum, key) => sum + (batches.get(key)?.recalls ?? 0),
        open?.recalls ?? 0,
      )
      return { ...batches.size(), unwritten: unwrittenRecalls }
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

    /** Resolves once everything is on disk. */
    async close(): Promise<void> {
      clearTimeout(timer)
      isClosed = true
      await write()
      await root.close()
    },
  }
}
