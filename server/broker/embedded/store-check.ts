import { decodeKey } from '../../lib/data-dir.ts'
import type { Disk } from '../../lib/disk.ts'
import { LmdbDamaged, LmdbPages } from '../../lib/lmdb-file/pages.ts'
import { isDamage, latestTrees } from '../../lib/lmdb-file/tree.ts'
import { asKey, decodeValue } from './checked-value.ts'
import type { Key } from './checked-value.ts'
import { DATABASES, isDatabase } from './databases.ts'
import type { DatabaseName } from './databases.ts'

/** Further ones are found when they are read. */
const MAX_ROTTEN = 10_000

export interface Checked {
  /** Why the file must not be opened; undefined if it may. */
  readonly damage: string | undefined
  /** Values that are not as they were written. */
  readonly rotten: readonly { readonly database: DatabaseName; readonly key: Key }[]
  /** Whether the version before this one wrote any of it, without checksums. */
  readonly hasOld: boolean
}

/**
 * Reads all of an lmdb file of the embedded broker. lmdb itself keeps no checksums, and a page that is not as it was written ends
 * the process, or hides records. Throws NewerVersion.
 */
export function checkStore(disk: Disk, file: string): Checked {
  const rotten: { database: DatabaseName; key: Key }[] = []
  let hasOld = false
  try {
    const trees = latestTrees(new LmdbPages(disk, file))
    for (const [database, tree] of trees.databases()) {
      if (!isDatabase(database))
        throw new LmdbDamaged(`a database has the unknown name ${JSON.stringify(database)}`)
      trees.records(tree, (bytes, value) => {
        const key = asKey(decodeKey(bytes))
        if (key === undefined) throw new LmdbDamaged(`a key of ${database} is none`)
        const decoded = decodeValue(database, DATABASES[database], key, value)
        if (decoded === undefined && rotten.length < MAX_ROTTEN) rotten.push({ database, key })
        hasOld ||= decoded?.isOld === true
      })
    }
    trees.checkFree()
  } catch (error) {
    if (!isDamage(error)) throw error
    return { damage: error.message, rotten: [], hasOld: true }
  }
  return { damage: undefined, rotten, hasOld }
}
