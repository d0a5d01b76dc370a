import { GatewayError } from '../../../shared/errors.ts'
import { committed } from '../../lib/data-dir.ts'
import type { RootDatabase } from '../../lib/data-dir.ts'

/** More than wait while a disk is slow. Beyond it lmdb hangs, and whoever asks has to know at once. */
const MAX_WAITING = 10_000
/** Bounds a transaction, which blocks the process while it runs. */
const MAX_AT_A_TIME = 1_000

interface Waiting {
  /** Returns what is to be called once all is flushed to disk. Never throws. */
  readonly run: () => () => void
  readonly reject: (error: unknown) => void
}

interface TransactionsOptions {
  readonly root: RootDatabase
  /** Called after a failure. Returns whether lmdb can still be used. */
  readonly isUsable: () => boolean
}

/**
 * Gives lmdb one transaction at a time, with what waits for it. After a failure to write its first pages (`MDB_PANIC`) lmdb
 * refuses everything until it is opened again; a transaction that it gets meanwhile never ends, and neither does closing it.
 */
export function createTransactions({ root, isUsable }: TransactionsOptions) {
  const waiting: Waiting[] = []
  let running: Promise<void> | undefined
  let failure: Error | undefined

  async function runAll(): Promise<void> {
    // All that are asked for in this turn share the first flush.
    await Promise.resolve()
    while (waiting.length > 0) {
      const batch = waiting.splice(0, MAX_AT_A_TIME)
      try {
        if (failure !== undefined) throw failure
        const ended = await committed(root.transaction(() => batch.map(({ run }) => run())))
        for (const end of ended) end()
      } catch (error) {
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
