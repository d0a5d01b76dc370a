import { openJournal } from '../../lib/journal/journal.ts'
import type { Entry } from '../../lib/journal/journal.ts'
import type { Logger } from '../../telemetry/logger.ts'

/** What is written is flushed to disk this long after the first of it. */
const FLUSH_DELAY_MS = 200
/** How long `append` waits for a disk that is slow. It does not wait again before that disk has taken something. */
const MAX_WAIT_MS = 100
const RETRY_DELAY_MS = 1_000
const ENTRIES_IN_A_READ = 1_000
/** What is written together: all of a turn, but not all that a disk did not take for long. */
const MAX_GROUP_BYTES = 2 ** 20

/** Something that is not flushed to disk yet, so that it is in memory as well. */
export interface Unflushed {
  readonly payload: Buffer
  /** Called with its place on disk once it is flushed. */
  readonly onFlushed?: (key: number) => void
}

/** What was appended in one turn, and is waited for together. */
interface Turn {
  readonly ended: Promise<void>
  end(): void
}

interface BackgroundJournalOptions extends Pick<
  Parameters<typeof openJournal>[0],
  'folder' | 'disk' | 'onDamage'
> {
  /** Replaced by tests. */
  readonly maxWaitMs?: number | undefined
}

/**
 * A journal for what may be lost in a power cut, but not when the process is killed: it hands entries to the operating system at once
 * and flushes them later. Nobody waits for a disk that is full, slow or failing: what it does not take stays in memory until it does.
 */
export function openBackgroundJournal(
  { maxWaitMs = MAX_WAIT_MS, ...options }: BackgroundJournalOptions,
  { log }: { readonly log: Logger },
) {
  const journal = openJournal({ ...options, flushes: false })
  const unwritten = new Set<Unflushed>()
  /** With their keys. */
  const unflushed = new Map<Unflushed, number>()
  let turn: Turn | undefined
  let writing: Promise<void> | undefined
  let flushing: Promise<void> = Promise.resolve()
  let flushTimer: NodeJS.Timeout | undefined
  let retryTimer: NodeJS.Timeout | undefined
  let isSlow = false

  function beginTurn(): Turn {
    let resolve = (): void => undefined
    const ended = new Promise<void>((resolveIt) => (resolve = resolveIt))
    // A process that was busy finds its timers before what the disk has done meanwhile.
    const timer = setTimeout(() => setImmediate(giveUp), maxWaitMs).unref()
    let hasEnded = false
    const giveUp = (): void => {
      if (hasEnded) return
      isSlow = true
      resolve()
    }
    return {
      ended,
      end() {
        hasEnded = true
        clearTimeout(timer)
        resolve()
      },
    }
  }

  async function writeAll(): Promise<void> {
    // All of this turn share a write.
    await Promise.resolve()
    while (unwritten.size > 0) {
      const ending = turn
      turn = undefined
      let failure: unknown
      const write = async (group: readonly Unflushed[]): Promise<void> => {
        try {
          let key = await journal.appendAll(group.map(({ payload }) => payload))
          for (const entry of group) {
            // Otherwise it was dropped meanwhile.
            if (unwritten.delete(entry)) unflushed.set(entry, key)
            key++
          }
        } catch (error) {
          failure = error
        }
      }
      await Promise.all(inGroups(unwritten).map(write))
      ending?.end()
      if (failure !== undefined) {
        retry(failure)
        break
      }
      isSlow = false
      flushTimer ??= setTimeout(() => void flush(), FLUSH_DELAY_MS).unref()
    }
    turn?.end()
    turn = undefined
    writing = undefined
  }

  function retry(err: unknown): void {
    log.error({ err, entries: unwritten.size }, 'cannot write copies of recalls, retrying')
    retryTimer ??= setTimeout(() => {
      retryTimer = undefined
      writing ??= writeAll()
    }, RETRY_DELAY_MS).unref()
  }

  function flush(): Promise<void> {
    clearTimeout(flushTimer)
    flushTimer = undefined
    flushing = flushing.then(async () => {
      const some = [...unflushed]
      if (some.length === 0) return
      try {
        await journal.flush()
      } catch (error) {
        // What the disk failed to flush it may have dropped.
        for (const [entry] of some) if (unflushed.delete(entry)) unwritten.add(entry)
        return retry(error)
      }
      for (const [entry, key] of some) if (unflushed.delete(entry)) entry.onFlushed?.(key)
    })
    return flushing
  }

  async function writeAndFlush(): Promise<void> {
    if (unwritten.size > 0) await (writing ??= writeAll())
    await flush()
  }

  return {
    /** Resolves once the operating system has the entry, or immediately if the disk does not take it. */
    append(entry: Unflushed): Promise<void> | undefined {
      unwritten.add(entry)
      if (retryTimer !== undefined || isSlow) {
        if (retryTimer === undefined) writing ??= writeAll()
        return undefined
      }
      turn ??= beginTurn()
      writing ??= writeAll()
      return turn.ended
    },

    /** Resolves once all is flushed to disk, or the disk has refused it, which is tried again. */
    flush: writeAndFlush,

    /** Forgets what is in memory only, of which `isDropped` says so. */
    drop(isDropped: (entry: Unflushed) => boolean): void {
      for (const entry of unwritten) if (isDropped(entry)) unwritten.delete(entry)
      for (const entry of unflushed.keys()) if (isDropped(entry)) unflushed.delete(entry)
    },

    /** Returns what is not flushed yet. */
    *inMemory(): Generator<Unflushed> {
      yield* unflushed.keys()
      yield* unwritten
    },

    /** Returns the entry that has waited longest for the disk; undefined if all is flushed. */
    oldest(): Unflushed | undefined {
      const [oldest] = unflushed.size > 0 ? unflushed.keys() : unwritten
      return oldest
    },

    /** Returns what is flushed, from the key `first` on up to `last`, or to the end. */
    *onDisk(first = 0, last = Infinity): Generator<Entry> {
      for (let fromKey = first; fromKey <= last;) {
        const limit = Math.min(ENTRIES_IN_A_READ, last - fromKey + 1)
        const entries = journal.read(limit, { fromKey })
        for (const entry of entries) if (entry.key <= last) yield entry
        if (entries.length < limit) return
        fromKey = (entries.at(-1)?.key ?? Infinity) + 1
      }
    },

    /** Deletes what is not needed: what is flushed and before this key; undefined if nothing that is flushed is needed. */
    dropBefore(key: number | undefined): void {
      const [firstUnflushed = Infinity] = unflushed.values()
      journal.dropBefore(Math.min(key ?? Infinity, firstUnflushed))
    },

    /** The size of what is on disk, in bytes, including what is not needed but in one file with what is. */
    bytes: journal.bytes,

    /** Resolves once everything is flushed to disk, or the disk has refused it. */
    async close(): Promise<void> {
      await writeAndFlush()
      clearTimeout(retryTimer)
      clearTimeout(flushTimer)
      await journal.close().catch((err: unknown) => log.error({ err }, 'cannot close the copies of recalls'))
    },
  }
}

function inGroups(entries: Iterable<Unflushed>): Unflushed[][] {
  let group: Unflushed[] = []
  const groups = [group]
  let bytes = 0
  for (const entry of entries) {
    bytes += entry.payload.length
    if (bytes > MAX_GROUP_BYTES && group.length > 0) {
      groups.push((group = []))
      bytes = entry.payload.length
    }
    group.push(entry)
  }
  return groups
}
