import type { Disk } from '../disk.ts'

/** An lmdb file is not as lmdb writes it. The message says where. */
export class LmdbDamaged extends Error {}

/** The layout of a page, in bytes, as in mdb.c of liblmdb, data version 2. */
const HEADER_BYTES = 24
const [FLAGS_AT, LOWER_AT, UPPER_AT] = [18, 20, 22]
export const [BRANCH, LEAF] = [1, 2]
const [BIG, META] = [4, 8]
/** Of the databases: that of the free pages has numbers as keys. */
const INTEGER_KEYS = 8
/** Kept beside it: the file was made under a name of its own instead of in a folder, as one with what was salvaged is. */
const NO_SUBFOLDER = 0x4000
/** No file is mapped beyond it, in bytes. */
const MAX_MAP_BYTES = 2 ** 46
const [MAGIC, DATA_VERSION] = [0xbeefc0de, 2]
const [BIG_VALUE, SUB_DATABASE] = [1, 2]
/** Number, transaction and length of the pages with a big value. */
const BIG_REFERENCE_BYTES = 24
const NONE = 2n ** 64n - 1n

/** Where a database begins, and how large it is. */
export interface Tree {
  readonly depth: number
  readonly pages: number
  readonly entries: number
  /** Undefined if it is empty. */
  readonly root: number | undefined
  /** Whether its keys and values are of the usual kind. */
  readonly isPlain: boolean
}

export interface Meta {
  readonly transaction: number
  readonly lastPage: number
  readonly free: Tree
  readonly main: Tree
}

/** A part of a page: on a leaf a record, on a branch a page that follows from this key on. */
export interface Node {
  readonly key: Buffer
  /** The value of a leaf, unless that is big. */
  readonly value: Buffer
  readonly isDatabase: boolean
  /** Where a big value is, or the page that a branch leads to. */
  readonly pages: { readonly first: number; readonly count: number; readonly bytes: number } | undefined
}

/** The pages of an lmdb file, read without lmdb: that ends the process if they are damaged. */
export class LmdbPages {
  readonly #disk: Disk
  readonly #file: string
  readonly pageBytes: number
  readonly count: number
  readonly #chunkBytes: number
  #chunk: { readonly offset: number; readonly bytes: Buffer } | undefined

  /** `chunkBytes`: how much of the file is read at a time, for those who want one page after the other. */
  constructor(disk: Disk, file: string, chunkBytes = 0) {
    this.#chunkBytes = chunkBytes
    this.#disk = disk
    this.#file = file
    const size = disk.size(file) ?? 0
    const stated = size < 4_096 ? 0 : disk.read(file, 0, 4_096).readUInt32LE(HEADER_BYTES + 24)
    // Also if the first page does not say it: lmdb takes the size of the system's pages.
    this.pageBytes = stated >= 512 && stated <= 65_536 && (stated & (stated - 1)) === 0 ? stated : 4_096
    this.count = Math.floor(size / this.pageBytes)
  }

  /** Returns the states of the last two transactions, the latest first. */
  metas(): Meta[] {
    return [0, 1]
      .map((page) => this.#meta(page))
      .toSorted((one, other) => other.transaction - one.transaction)
  }

  /** Returns the bytes of so many pages. */
  read(first: number, count = 1): Buffer {
    if (first + count > this.count) throw new LmdbDamaged(`page ${first} is beyond the end of the file`)
    const [offset, length] = [first * this.pageBytes, count * this.pageBytes]
    if (length > this.#chunkBytes) return this.#disk.read(this.#file, offset, length)
    const known = this.#chunk
    if (known === undefined || offset < known.offset || offset + length > known.offset + known.bytes.length)
      this.#chunk = { offset, bytes: this.#disk.read(this.#file, offset, this.#chunkBytes) }
    const chunk = this.#chunk ?? { offset, bytes: Buffer.alloc(0) }
    return chunk.bytes.subarray(offset - chunk.offset, offset - chunk.offset + length)
  }

  #meta(number: number): Meta {
    const page = this.read(number)
    const at = HEADER_BYTES
    const isMeta = page.readUInt16LE(FLAGS_AT) === META && page.readUInt32LE(at) === MAGIC
    if (!isMeta || page.readUInt32LE(at + 4) !== DATA_VERSION)
      throw new LmdbDamaged(`page ${number} is no meta page`)
    const [address, mapBytes] = [8, 16].map((offset) => toNumber(page.readBigUInt64LE(at + offset)))
    if (address !== 0 || (mapBytes ?? 0) % this.pageBytes !== 0 || (mapBytes ?? 0) > MAX_MAP_BYTES)
      throw new LmdbDamaged(`page ${number} maps the file to nowhere`)
    // What says nothing of that database, says how long pages are.
    const flags = page.readUInt16LE(at + 28) & ~NO_SUBFOLDER
    if (page.readUInt32LE(at + 24) !== this.pageBytes || flags !== INTEGER_KEYS)
      throw new LmdbDamaged(`page ${number} is of another file`)
    return {
      free: readTree(page.subarray(at + 24)),
      main: readTree(page.subarray(at + 72)),
      lastPage: toNumber(page.readBigUInt64LE(at + 120)),
      transaction: toNumber(page.readBigUInt64LE(at + 128)),
    }
  }
}

export const headerOf = (page: Buffer) => ({
  number: toNumber(page.readBigUInt64LE(0)),
  transaction: toNumber(page.readBigUInt64LE(8)),
  flags: page.readUInt16LE(FLAGS_AT),
  entries: page.readUInt16LE(LOWER_AT) >> 1,
  /** Whether the list of nodes ends where it can, and they begin where the page says. */
  isFilled: isFilled(page),
})

/** Nodes lie without a hole at the end of a page, each at an even place. */
function isFilled(page: Buffer): boolean {
  const [lower, upper] = [page.readUInt16LE(LOWER_AT), page.readUInt16LE(UPPER_AT)]
  if (lower % 2 !== 0 || lower > upper || HEADER_BYTES + upper > page.length) return false
  let first = page.length - HEADER_BYTES
  for (let at = 0; at < lower; at += 2) first = Math.min(first, page.readUInt16LE(HEADER_BYTES + at))
  return first === upper
}

/** Returns what pages with a big value begin with. */
export const bigHeaderOf = (page: Buffer) => ({
  number: toNumber(page.readBigUInt64LE(0)),
  count: page.readUInt32LE(LOWER_AT),
  isBig: page.readUInt16LE(FLAGS_AT) === BIG,
})

export function readTree(bytes: Buffer): Tree {
  const numbers = [8, 16, 24, 32].map((at) => toNumber(bytes.readBigUInt64LE(at)))
  const [branches = 0, leaves = 0, big = 0, entries = 0] = numbers
  const root = bytes.readBigUInt64LE(40)
  return {
    depth: bytes.readUInt16LE(6),
    pages: branches + leaves + big,
    entries,
    isPlain: bytes.readUInt32LE(0) === 0 && bytes.readUInt16LE(4) === 0,
    root: root === NONE ? undefined : toNumber(root),
  }
}

/** Returns a node of a page. Throws LmdbDamaged if it is not within the page. */
export function nodeOf(page: Buffer, i: number, isBranch: boolean): Node {
  const at = within(page, HEADER_BYTES + 2 * i, 2).readUInt16LE() + HEADER_BYTES
  const header = within(page, at, 8)
  const [low, high, flags, keyBytes] = [0, 2, 4, 6].map((offset) => header.readUInt16LE(offset))
  if (low === undefined || high === undefined || flags === undefined || keyBytes === undefined)
    throw new LmdbDamaged('a node has no header')
  const key = within(page, at + 8, keyBytes)
  const bytes = low + high * 2 ** 16
  if (isBranch) {
    const first = bytes + flags * 2 ** 32
    return { key, value: Buffer.alloc(0), isDatabase: false, pages: { first, count: 1, bytes: 0 } }
  }
  if (flags !== 0 && flags !== BIG_VALUE && flags !== SUB_DATABASE)
    throw new LmdbDamaged('a node has unknown flags')
  if (flags !== BIG_VALUE)
    return {
      key,
      value: within(page, at + 8 + keyBytes, bytes),
      isDatabase: flags === SUB_DATABASE,
      pages: undefined,
    }
  const reference = within(page, at + 8 + keyBytes, BIG_REFERENCE_BYTES)
  const [first, count] = [0, 16].map((offset) => toNumber(reference.readBigUInt64LE(offset)))
  return {
    key,
    value: Buffer.alloc(0),
    isDatabase: false,
    pages: { first: first ?? 0, count: count ?? 0, bytes },
  }
}

/** Returns a big value. Throws LmdbDamaged if it is not within the file. */
export function bigValueOf(file: LmdbPages, { first, count, bytes }: NonNullable<Node['pages']>): Buffer {
  if (HEADER_BYTES + bytes > count * file.pageBytes)
    throw new LmdbDamaged(`a value is longer than its pages from ${first}`)
  return file.read(first, count).subarray(HEADER_BYTES, HEADER_BYTES + bytes)
}

function within(page: Buffer, at: number, length: number): Buffer {
  if (at + length > page.length) throw new LmdbDamaged('a node is not within its page')
  return page.subarray(at, at + length)
}

function toNumber(value: bigint): number {
  // Larger ones are damaged, and compare as such.
  return Number(value)
}
