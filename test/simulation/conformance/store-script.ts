import { committed, openStore } from '../../../server/lib/data-dir.ts'
import { reasonOf } from '../../../shared/errors.ts'

export type Key = string | number | [string, number]

interface Change {
  readonly does: 'put' | 'remove'
  readonly key: Key
  readonly value: number
}

export type StoreOperation =
  | Change
  | { readonly does: 'transaction'; readonly changes: readonly Change[]; readonly fails: boolean }
  | {
      readonly does: 'read'
      readonly start: Key | undefined
      readonly end: Key | undefined
      readonly limit: number | undefined
      readonly reverse: boolean
    }
  | { readonly does: 'wait' }
  | { readonly does: 'reopen' }

/** Runs operations on a store, and returns what they returned, in the order in which they ended, and what is stored then. */
export async function runStoreScript(
  path: string,
  operations: readonly StoreOperation[],
): Promise<unknown[]> {
  const told: unknown[] = []
  let root = openStore(path)
  let db = root.openDB<number, Key>('numbers', { encoding: 'json' })
  let pending: Promise<unknown>[] = []
  let wasTransaction = false
  const idle = async (): Promise<void> => {
    await Promise.all(pending)
    pending = []
  }

  function change({ does, key, value }: Change, isSync: boolean): unknown {
    if (isSync) return does === 'put' ? db.putSync(key, value) : db.removeSync(key)
    return does === 'put' ? db.put(key, value) : db.remove(key)
  }

  for (const [i, operation] of operations.entries()) {
    if (operation.does === 'wait') await idle()
    else if (operation.does === 'reopen') {
      const closing = root.close()
      await idle()
      await closing
      root = openStore(path)
      db = root.openDB<number, Key>('numbers', { encoding: 'json' })
    } else if (operation.does === 'read') {
      // Of what is being written, nobody says whether it is seen.
      await idle()
      const { start, end, limit, reverse } = operation
      const range = {
        ...(start !== undefined && { start }),
        ...(end !== undefined && { end }),
        ...(limit !== undefined && { limit }),
        reverse,
      }
      told.push([i, Array.from(db.getRange(range)), Array.from(db.getKeys(range)), db.getCount()])
    } else {
      // In which order single writes and transactions of one flush are done is the affair of lmdb: the project does not mix them.
      const isTransaction = operation.does === 'transaction'
      if (isTransaction !== wasTransaction) await idle()
      wasTransaction = isTransaction
      const writing =
        operation.does === 'transaction'
          ? root.transaction(() => {
              const results = operation.changes.map((one) => [change(one, true), db.get(one.key)])
              if (operation.fails) throw new Error('on purpose')
              return results
            })
          : (change(operation, false) as Promise<unknown>)
      // Not flushed yet.
      const key = operation.does === 'transaction' ? undefined : operation.key
      if (key !== undefined && pending.length === 0) told.push([i, 'before', db.get(key)])
      pending.push(
        committed(writing).then(
          (result) => told.push([i, result]),
          (error: unknown) => told.push([i, 'failed', reasonOf(error)]),
        ),
      )
    }
  }
  await idle()
  told.push(Array.from(db.getRange({})), (db.getStats() as { entryCount: number }).entryCount)
  await root.close()
  return told.map((one) => JSON.parse(JSON.stringify(one ?? null)) as unknown)
}
