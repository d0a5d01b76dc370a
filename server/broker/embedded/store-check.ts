import { decodeKey } from '../../lib/data-dir.ts'
import type { Disk } from '../../lib/disk.ts'
import { LmdbDamaged, LmdbPages } from '../../lib/lmdb-file/pages.ts'
import { LmdbTrees } from '../../lib/lmdb-file/tree.ts'
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
    const pages = new LmdbPages(disk, file)
    const [latest, before] = pages.metas()
    if (latest === undefined || before === undefined) throw new LmdbDamaged('there are no meta pages')
    // The two change in turn. One that is neither is damaged, and hides which is the latest.
    if (latest.transaction !== before.transaction + 1 && latest.transaction > 1)
      throw new LmdbDamaged(
        `the last transaction is ${latest.transaction}, the one before it ${before.transaction}`,
      )
    const trees = new LmdbTrees(pages, latest)
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
    // What Buffer throws for numbers that point out of a page.
    if (!(error instanceof LmdbDamaged) && !(error instanceof RangeError)) throw error
    return { damage: error.message, rotten: [], hasOld: true }
  }
  return { damage: undefined, rotten, hasOld }
}
