import type { Disk } from '../disk.ts'
import { LmdbPages } from './pages.ts'
import { isDamage, latestTrees } from './tree.ts'

/**
 * Renames an lmdb file that is damaged, because lmdb would end the process over it; lmdb then creates another one. Returns what is
 * wrong with it; undefined if nothing is.
 */
export function setAsideIfDamaged(disk: Disk, file: string): string | undefined {
  if (!disk.size(file)) return undefined
  try {
    const trees = latestTrees(new LmdbPages(disk, file))
    for (const tree of trees.databases().values()) trees.records(tree, () => undefined)
    trees.checkFree()
    return undefined
  } catch (error) {
    if (!isDamage(error)) throw error
    disk.rename(file, `${file}.damaged`)
    return error.message
  }
}
