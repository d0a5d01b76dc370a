import { BRANCH, LEAF, LmdbDamaged, bigHeaderOf, bigValueOf, headerOf, nodeOf, readTree } from './pages.ts'
import type { LmdbPages, Meta, Node, Tree } from './pages.ts'

const MAX_DEPTH = 32

type OnRecord = (key: Buffer, value: Buffer) => void
type OnNode = (key: Buffer, value: Buffer, node: Node) => void
type Compare = (one: Buffer, other: Buffer) => number

/** Returns the databases of an lmdb file as the last transaction left them. Throws LmdbDamaged. */
export function latestTrees(file: LmdbPages): LmdbTrees {
  const [latest, before] = file.metas()
  if (latest === undefined || before === undefined) throw new LmdbDamaged('there are no meta pages')
  // The two change in turn. One that is neither is damaged, and hides which is the latest.
  if (latest.transaction !== before.transaction + 1 && latest.transaction > 1)
    throw new LmdbDamaged(
      `the last transaction is ${latest.transaction}, the one before it ${before.transaction}`,
    )
  return new LmdbTrees(file, latest)
}

/** Whether this says that a file is damaged: numbers that point out of a page cause the errors of Buffer. */
export const isDamage = (error: unknown): error is Error =>
  error instanceof LmdbDamaged || error instanceof RangeError

/** Walks the databases of an lmdb file, and checks on the way that each page is one that belongs there. */
class LmdbTrees {
  readonly #file: LmdbPages
  readonly #meta: Meta
  /** One byte for each page. */
  readonly #isUsed: Uint8Array

  /** Throws LmdbDamaged. */
  constructor(file: LmdbPages, meta: Meta) {
    this.#file = file
    this.#meta = meta
    if (meta.lastPage >= 2 ** 32) throw new LmdbDamaged('the last page is none')
    this.#isUsed = new Uint8Array(meta.lastPage + 1)
  }

  /** Returns the databases by their names. */
  databases(): Map<string, Tree> {
    if (!this.#meta.main.isPlain) throw new LmdbDamaged('the list of databases is of another kind')
    const found = new Map<string, Tree>()
    this.#walk(this.#meta.main, (key, value, { isDatabase }) => {
      if (!isDatabase || value.length !== 48) throw new LmdbDamaged('a database is none')
      const tree = readTree(value)
      if (!tree.isPlain) throw new LmdbDamaged('a database is of another kind')
      found.set(key.toString('utf8').replace(/\0$/, ''), tree)
    })
    return found
  }

  /** Calls `onRecord` with the records of a database, in order. Throws LmdbDamaged. */
  records(tree: Tree, onRecord: OnRecord): void {
    this.#walk(tree, (key, value, { isDatabase }) => {
      if (isDatabase) throw new LmdbDamaged('a record is a database')
      onRecord(key, value)
    })
  }

  /** Checks that no page that is in use counts as free. Call it last. Throws LmdbDamaged. */
  checkFree(): void {
    this.#walk(
      this.#meta.free,
      (_key, value) => {
        for (const page of freePages(value)) this.#use(page, 'free')
      },
      (one, other) => Number(one.readBigUInt64LE() - other.readBigUInt64LE()),
    )
  }

  #walk(tree: Tree, onNode: OnNode, compare: Compare = Buffer.compare): void {
    if (tree.root === undefined) {
      if (tree.entries > 0) throw new LmdbDamaged('a database has lost its root')
      return
    }
    if (tree.depth > MAX_DEPTH) throw new LmdbDamaged('a database is too deep')
    let [entries, pages] = [0, 0]
    let last: Buffer | undefined

    const visit = (
      number: number,
      levels: number,
      from: Buffer | undefined,
      before: Buffer | undefined,
    ): void => {
      const page = this.#page(number, levels === 1 ? LEAF : BRANCH)
      pages++
      const count = headerOf(page).entries
      if (count === 0) throw new LmdbDamaged(`page ${number} is empty`)
      for (let i = 0; i < count; i++) {
        const node = nodeOf(page, i, levels > 1)
        if (levels > 1) {
          const next = i + 1 < count ? nodeOf(page, i + 1, true).key : before
          visit(node.pages?.first ?? 0, levels - 1, i === 0 ? from : node.key, next)
          continue
        }
        if (node.key.length === 0 || (last && compare(last, node.key) >= 0))
          throw new LmdbDamaged(`keys on page ${number}`)
        if ((from && compare(from, node.key) > 0) || (before && compare(node.key, before) >= 0))
          throw new LmdbDamaged(`page ${number} holds keys of another page`)
        last = node.key
        entries++
        pages += node.pages?.count ?? 0
        onNode(node.key, this.#valueOf(node), node)
      }
    }
    visit(tree.root, tree.depth, undefined, undefined)
    if (entries !== tree.entries)
      throw new LmdbDamaged(`${entries} records are there instead of ${tree.entries}`)
    if (pages !== tree.pages) throw new LmdbDamaged(`${pages} pages are there instead of ${tree.pages}`)
  }

  #page(number: number, flags: number): Buffer {
    this.#use(number, 'used')
    const page = this.#file.read(number)
    const header = headerOf(page)
    if (header.number !== number) throw new LmdbDamaged(`page ${number} is another one`)
    if (header.flags !== flags) throw new LmdbDamaged(`page ${number} is of another kind`)
    if (!header.isFilled) throw new LmdbDamaged(`the nodes of page ${number} are not where they were`)
    if (header.transaction > this.#meta.transaction)
      throw new LmdbDamaged(`page ${number} is from the future`)
    return page
  }

  #valueOf({ pages, value }: Node): Buffer {
    if (pages === undefined) return value
    for (let i = 0; i < pages.count; i++) this.#use(pages.first + i, 'used')
    const header = bigHeaderOf(this.#file.read(pages.first))
    if (!header.isBig || header.number !== pages.first || header.count !== pages.count)
      throw new LmdbDamaged(`page ${pages.first} is another one`)
    return bigValueOf(this.#file, pages)
  }

  #use(page: number, how: 'used' | 'free'): void {
    if (page < 2 || page > this.#meta.lastPage) throw new LmdbDamaged(`page ${page} does not exist`)
    if (this.#isUsed[page] === 1) throw new LmdbDamaged(`page ${page} is ${how}, and used elsewhere`)
    this.#isUsed[page] = 1
  }
}

/** Reads a list of free pages: numbers, or a negative number of pages and the first of them. */
function* freePages(value: Buffer): Generator<number> {
  const count = Number(value.readBigUInt64LE())
  if (8 * (count + 1) > value.length) throw new LmdbDamaged('a list of free pages is too long')
  for (let i = 1; i <= count; i++) {
    const entry = Number(value.readBigInt64LE(8 * i))
    if (entry > 0) yield entry
    if (entry >= 0) continue
    const first = ++i <= count ? Number(value.readBigInt64LE(8 * i)) : 0
    for (let page = 0; page < -entry; page++) yield first + page
  }
}
