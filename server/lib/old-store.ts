import { join } from 'node:path'
import { decodeKey } from './data-dir.ts'
import type { Disk } from './disk.ts'
import { LmdbPages } from './lmdb-file/pages.ts'
import { leafRecords } from './lmdb-file/salvage.ts'
import { isDamage, latestTrees } from './lmdb-file/tree.ts'

const FILES = ['data.mdb', 'lock.mdb']

interface OldRecord {
  /** The database that it was in; undefined if the file is too damaged to say. */
  readonly database: string | undefined
  readonly key: unknown
  readonly value: Buffer
}

/**
 * Calls `onRecord` with what an earlier version kept in an lmdb store in this folder, those of a database in order of their keys.
 * Returns undefined if there is none; otherwise how to get rid of it once all is kept elsewhere, and what was wrong with it: then
 * records may be missing, others called for twice, and the file is renamed instead.
 */
export function readOldStore(
  disk: Disk,
  folder: string,
  onRecord: (record: OldRecord) => void,
): { readonly damage: string | undefined; readonly finish: () => void } | undefined {
  const file = join(folder, 'data.mdb')
  if (!disk.size(file)) return undefined
  let damage: string | undefined
  try {
    readTrees(disk, file, onRecord)
  } catch (error) {
    if (!isDamage(error)) throw error
    damage = error.message
    for (const { key, value } of leafRecords(new LmdbPages(disk, file)))
      onRecord({ database: undefined, key: decodeKey(key), value })
  }
  const finish = (): void => {
    if (damage !== undefined) disk.rename(file, `${file}.damaged`)
    for (const name of FILES) disk.remove(join(folder, name))
  }
  return { damage, finish }
}

function readTrees(disk: Disk, file: string, onRecord: (record: OldRecord) => void): void {
  const trees = latestTrees(new LmdbPages(disk, file))
  for (const [database, tree] of trees.databases())
    trees.records(tree, (key, value) =>
      onRecord({ database, key: decodeKey(key), value: Buffer.from(value) }),
    )
}
