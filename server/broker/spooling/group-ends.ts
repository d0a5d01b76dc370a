import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fullJitterMs } from '../../../shared/backoff.ts'
import { committed, openStore } from '../../lib/data-dir.ts'
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

/** Opens the store in `dataDir`. Throws errors of the file system. */
export function openGroupEnds({ dataDir }: { readonly dataDir: string }): GroupEnds {
  const root = openStore(join(dataDir, 'group-ends'))
  const ends = root.openDB<number, string>('ends', { encoding: 'json' })
  return {
    async add(group, atMs) {
      if (ends.getCount() >= MAX_ENDS)
        throw new Error('too many groups ended while the broker was unavailable')
      const adding = root.transaction(() => ends.putSync(group, Math.max(atMs, ends.get(group) ?? 0)))
      await committed(adding)
    },
    some: (limit, behind) =>
      Array.from(
        ends.getRange({ limit, ...(behind !== undefined && { start: behind, exclusiveStart: true }) }),
        ({ key, value }) => ({ group: key, atMs: value }),
      ),
    async remove(group, atMs) {
      await committed(root.transaction(() => ends.get(group) === atMs && ends.removeSync(group)))
    },
    close: () => root.close(),
  }
}

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
      wake()
      await broker.start()
    },
    async stop() {
      stopped.abort()
      await running
      await broker.stop()
      await ends.close()
    },
  }
}
