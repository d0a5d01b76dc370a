import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fullJitterMs } from '../../../shared/backoff.ts'
import { systemDisk } from '../../lib/disk.ts'
import type { Disk } from '../../lib/disk.ts'
import { openJournal } from '../../lib/journal/journal.ts'
import type { Damage } from '../../lib/journal/journal.ts'
import { readOldStore } from '../../lib/old-store.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Broker } from '../broker.ts'
import { withTimeout } from '../timeout.ts'

/** The broker's share of the time to respond to a webhook; the rest is enough to flush to disk. */
const BROKER_TIMEOUT_MS = 1_000
const MAX_RETRY_DELAY_MS = 5_000
/** More ends than ever wait for a broker; beyond it, the webhook is not answered with OK. */
const MAX_ENDS = 100_000
/** Ends that are tried concurrently. */
const ENDS_PER_ROUND = 10

interface GroupEnd {
  readonly group: string
  readonly atMs: number
}

/** Ends of groups that the broker has not confirmed yet, on local disk. */
export interface GroupEnds {
  /** Resolves once flushed to disk. The later of two ends of a group counts. */
  add(group: string, atMs: number): Promise<void>
  /** Returns the next ones behind that of this group, in some order; those of the beginning without a group. */
  some(limit: number, behind?: string): readonly GroupEnd[]
  /** Removes one, unless a later one has been added. */
  remove(group: string, atMs: number): Promise<void>
  close(): Promise<void>
}

interface Kept {
  readonly atMs: number
  readonly key: number
}

interface GroupEndsOptions {
  readonly dataDir: string
  readonly disk?: Disk
  /** Called with what is found damaged on disk, before `openGroupEnds` returns. */
  readonly onDamage?: (damage: Damage) => void
}

/** Opens the store in `dataDir`. Throws errors of the file system. */
export function openGroupEnds({
  dataDir,
  disk = systemDisk,
  onDamage = () => undefined,
}: GroupEndsOptions): GroupEnds {
  const folder = join(dataDir, 'group-ends')
  const journal = openJournal({ folder: join(folder, 'journal'), disk, onDamage })
  importOld()
  /** The end of each group. */
  const ends = new Map<string, Kept>()
  /** The groups in their order, and some that are gone; undefined after a new one. */
  let sorted: string[] | undefined
  const needless = journal.read(Infinity).flatMap(({ key, payload }) => note(parse(payload), key))
  void journal.remove(needless).catch(() => undefined)

  /** Takes over what the version before this one kept. */
  function importOld(): void {
    const found: GroupEnd[] = []
    const old = readOldStore(disk, folder, ({ key, value }) => {
      const atMs = Number(value.toString())
      if (typeof key === 'string' && Number.isFinite(atMs)) found.push({ group: key, atMs })
      else onDamage({ kind: 'entry', bytes: value, where: `${folder}, ${String(key)}` })
    })
    if (old === undefined) return
    if (old.damage !== undefined)
      onDamage({ kind: 'entry', bytes: Buffer.from(old.damage), where: `${folder}/data.mdb.damaged` })
    journal.importSync(found.map((end) => Buffer.from(JSON.stringify(end))))
    old.finish()
  }

  /** Returns the keys that this end makes needless. */
  function note({ group, atMs }: GroupEnd, key: number): number[] {
    const known = ends.get(group)
    if (known && known.atMs >= atMs) return [key]
    ends.set(group, { atMs, key })
    if (known === undefined) sorted = undefined
    return known ? [known.key] : []
  }

  return {
    async add(group, atMs) {
      if (ends.size >= MAX_ENDS) throw new Error('too many groups ended while the broker was unavailable')
      if ((ends.get(group)?.atMs ?? -Infinity) >= atMs) return
      const key = await journal.append(Buffer.from(JSON.stringify({ group, atMs })))
      await journal.remove(note({ group, atMs }, key))
    },

    some(limit, behind = '') {
      sorted ??= [...ends.keys()].toSorted()
      const found: GroupEnd[] = []
      for (let i = firstBehind(sorted, behind); i < sorted.length && found.length < limit; i++) {
        const group = sorted[i] ?? ''
        const end = ends.get(group)
        if (end) found.push({ group, atMs: end.atMs })
      }
      return found
    },

    async remove(group, atMs) {
      const end = ends.get(group)
      if (end?.atMs !== atMs) return
      ends.delete(group)
      await journal.remove([end.key])
    },

    close: journal.close,
  }
}

/** Returns where the names behind this one begin in a sorted list. */
function firstBehind(names: readonly string[], name: string): number {
  let [low, high] = [0, names.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((names[middle] ?? '') <= name) low = middle + 1
    else high = middle
  }
  return low
}

const parse = (payload: Buffer): GroupEnd => JSON.parse(payload.toString()) as GroupEnd

interface GroupEndsDependencies {
  readonly broker: Broker
  readonly ends: GroupEnds
  readonly log: Logger
}

/**
 * Decorates a broker: the end of a group that it does not confirm is kept on disk, and tried again until it does. Ends are
 * compared by time with the recalls, so they need no place among those in the spool.
 */
export function keepGroupEnds({ broker, ends, log }: GroupEndsDependencies): Broker {
  const stopped = new AbortController()
  let running: Promise<void> | undefined

  async function retry(): Promise<void> {
    let failures = 0
    let last: string | undefined
    while (!stopped.signal.aborted) {
      const next = ends.some(ENDS_PER_ROUND, last)
      if (next.length === 0 && last === undefined) return
      // One that the broker refuses must not hold up the others, so each round tries the next ones.
      last = next.at(-1)?.group
      if (last === undefined) continue
      const outcomes = await Promise.allSettled(next.map(retryOne))
      const failed = outcomes.find((outcome) => outcome.status === 'rejected')
      failures = failed === undefined ? 0 : failures + 1
      if (failed === undefined) continue
      log.warn({ err: failed.reason, failures }, 'cannot end the recalled set of a dismissed group, retrying')
      const ms = fullJitterMs(failures, { baseMs: 100, maxMs: MAX_RETRY_DELAY_MS })
      await delay(ms, undefined, { signal: stopped.signal }).catch(() => undefined)
    }
  }

  async function retryOne({ group, atMs }: GroupEnd): Promise<void> {
    await broker.endGroup(group, atMs)
    await ends.remove(group, atMs)
  }

  const wake = (): void => void (running ??= retry().finally(() => (running = undefined)))

  return {
    ...broker,
    async endGroup(group, atMs) {
      try {
        await withTimeout(BROKER_TIMEOUT_MS, broker.endGroup(group, atMs))
      } catch (err) {
        log.warn({ err }, 'end of a group not confirmed, kept on disk')
        await ends.add(group, atMs)
        wake()
      }
    },
    async start() {
      // Not before: it would fail once for want of a connection.
      await broker.start().finally(wake)
    },
    async stop() {
      stopped.abort()
      await running
      await broker.stop()
      await ends.close()
    },
  }
}
