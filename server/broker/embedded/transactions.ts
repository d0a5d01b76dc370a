import { GatewayError } from '../../../shared/errors.ts'
import { committed } from '../../lib/data-dir.ts'
import type { RootDatabase } from '../../lib/data-dir.ts'
import { NODE_CLOCK } from '../../lib/timers.ts'
import type { Clock } from '../../lib/timers.ts'

/** More than wait while a disk is slow. Beyond it lmdb hangs, and whoever asks has to know at once. */
const MAX_WAITING = 10_000
/** Bounds a transaction, which blocks the process while it runs. */
const MAX_AT_A_TIME = 1_000
/** After a transaction of fewer writes, the next one waits for none. */
const MIN_WRITES_TO_WAIT = 8
/** How long a transaction waits for more writes, and never longer than the one before it took. */
const MAX_BATCH_WAIT_MS = 5

interface Waiting {
  /** Returns what is to be called once all is flushed to disk. Never throws. */
  readonly run: () => () => void
  readonly reject: (error: unknown) => void
}

interface TransactionsOptions {
  readonly root: RootDatabase
  /** Called after a failure. Returns whether lmdb can still be used. */
  readonly isUsable: () => boolean
  /** Called when what a transaction wrote is not there any more. */
  readonly onRolledBack?: () => void
  readonly clock?: Clock
}

/**
 * Gives lmdb one transaction at a time, with what waits for it. After a failure to write its first pages (`MDB_PANIC`) lmdb
 * refuses everything until it is opened again; a transaction that it gets meanwhile never ends, and neither does closing it.
 *
 * Those whom a large transaction has answered ask again together, a moment later. Were the first of them given to lmdb alone, all
 * others would wait for a flush that serves one. So the next transaction waits until as many are there as before.
 */
export function createTransactions({
  root,
  isUsable,
  onRolledBack = () => undefined,
  clock = NODE_CLOCK,
}: TransactionsOptions) {
  const waiting: Waiting[] = []
  let running: Promise<void> | undefined
  let failure: Error | undefined
  /** How many the next transaction waits for, and until when, by the clock. */
  let expected = { size: 0, untilMs: -Infinity }
  /** Called when one more waits. */
  let onWaiting: (() => void) | undefined

  function expectBatch(size: number, startedMs: number): void {
    const endedMs = clock.now()
    const untilMs = endedMs + Math.min(endedMs - startedMs, MAX_BATCH_WAIT_MS)
    expected = size < MIN_WRITES_TO_WAIT ? { size: 0, untilMs } : { size: size + waiting.length, untilMs }
  }

  async function waitForBatch(): Promise<void> {
    const { size, untilMs } = expected
    const leftMs = untilMs - clock.now()
    if (leftMs <= 0 || waiting.length >= Math.min(size, MAX_AT_A_TIME)) return
    await new Promise<void>((resolve) => {
      const timer = clock.setTimeout(resolve, leftMs)
      onWaiting = () => {
        if (waiting.length < Math.min(size, MAX_AT_A_TIME)) return
        clock.clearTimeout(timer)
        resolve()
      }
    })
    onWaiting = undefined
  }

  async function runAll(): Promise<void> {
    // All that are asked for in this turn share the first flush.
    await Promise.resolve()
    while (waiting.length > 0) {
      await waitForBatch()
      const batch = waiting.splice(0, MAX_AT_A_TIME)
      const startedMs = clock.now()
      try {
        if (failure !== undefined) throw failure
        let isAgain = false
        const runBatch = (): (() => void)[] => {
          // lmdb may have to begin anew, with a larger map of the file.
          if (isAgain) onRolledBack()
          isAgain = true
          return batch.map(({ run }) => run())
        }
        const ended = await committed(root.transaction(runBatch))
        for (const end of ended) end()
        expectBatch(batch.length, startedMs)
      } catch (error) {
        onRolledBack()
        for (const { reject } of batch) reject(error)
        if (!isUsable())
          failure ??= new Error('lmdb cannot be used until it is opened again', { cause: error })
      }
    }
    running = undefined
  }

  return {
    /**
     * Runs `work`, which must be synchronous, alone and after all that were asked for earlier. Resolves once it is flushed to disk. An
     * error thrown by `work` does not roll back what it wrote before. Rejects with BROKER_UNAVAILABLE if too many wait.
     */
    run<T>(work: () => T): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        function run(): () => void {
          try {
            const result = work()
            return () => resolve(result)
          } catch (error) {
            return () => reject(error)
          }
        }
        if (waiting.length >= MAX_WAITING)
          return reject(new GatewayError('BROKER_UNAVAILABLE', 'too many writes wait for the disk'))
        waiting.push({ run, reject })
        onWaiting?.()
        running ??= runAll()
      })
    },

    /** Closes lmdb once all that waits has ended. */
    async close(): Promise<void> {
      await running
      await root.close()
    },
  }
}
