import { bigValueOf, headerOf, nodeOf } from './pages.ts'
import type { LmdbPages, Node } from './pages.ts'
import { isDamage } from './tree.ts'

/** A node needs 10 bytes at least, with its place in the list. */
const MIN_NODE_BYTES = 10

interface Salvaged {
  readonly key: Buffer
  readonly value: Buffer
  /** In which transaction its page was written: of two with the same key, the later one is valid. */
  readonly transaction: number
  readonly isBig: boolean
}

/**
 * Returns whatever looks like a record on any page of a damaged file, also on pages that are free, in the order of the pages.
 * Only a checksum in the record tells whether it is one.
 */
export function* leafRecords(file: LmdbPages): Generator<Salvaged> {
  for (let number = 2; number < file.count; number++) {
    const page = file.read(number)
    const { entries, transaction } = headerOf(page)
    const limit = Math.floor(file.pageBytes / MIN_NODE_BYTES)
    for (let i = 0; i < Math.min(entries || limit, limit); i++) {
      const found = tryNode(file, page, i)
      if (found) yield { ...found, transaction }
    }
  }
}

function tryNode(file: LmdbPages, page: Buffer, i: number): Omit<Salvaged, 'transaction'> | undefined {
  try {
    const { key, value, isDatabase, pages }: Node = nodeOf(page, i, false)
    if (isDatabase || key.length === 0) return undefined
    return { key, value: pages ? bigValueOf(file, pages) : value, isBig: pages !== undefined }
  } catch (error) {
    if (isDamage(error)) return undefined
    throw error
  }
}
