import { GatewayError } from '../../../shared/errors.ts'
import type { Database, RootDatabase } from '../../lib/data-dir.ts'
import { RecentMap } from '../../lib/recent-map.ts'
import { decodeValue, encodeValue, mendRecord } from './checked-value.ts'
import type { Encoding, Key } from './checked-value.ts'

/** A part of the keys of a database, in their order or from the last to the first. */
interface Range<K> {
  readonly start?: K
  readonly end?: K
  readonly limit?: number
  readonly reverse?: boolean
}

export interface CheckedOptions {
  readonly root: RootDatabase
  /** Called with a value that is not as it was written. It counts as missing. */
  readonly onRotten: (database: string, key: Key, bytes: Buffer) => void
  /** Called when lmdb finds that the file is damaged. */
  readonly onBroken: (error: unknown) => void
}

/** A database of the store, with a checksum in each value. Methods throw BROKER_UNAVAILABLE if the file is damaged. */
export class CheckedDatabase<V, K extends Key> {
  readonly name: string
  readonly #encoding: Encoding
  readonly #database: Database<Buffer, K>
  readonly #options: CheckedOptions
  /** What transactions have written or read last; nothing if it remembers nothing. */
  readonly #remembered: RecentMap<V> | undefined

  /** `remembers`: how many values at least, for `latest`. */
  constructor(name: string, encoding: Encoding, options: CheckedOptions, remembers = 0) {
    this.name = name
    this.#encoding = encoding
    this.#options = options
    this.#remembered = remembers > 0 ? new RecentMap(remembers) : undefined
    this.#database = options.root.openDB<Buffer, K>(name, { encoding: 'binary' })
  }

  get(key: K): V | undefined {
    const bytes = this.#whole(() => this.#database.get(key))
    return bytes && this.#decode(key, bytes)
  }

  /**
   * Like `get`, but does not read what transactions have written or read last. Only inside a transaction: it may be rolled back.
   */
  latest(key: K): V | undefined {
    const known = this.#remembered?.get(nameOf(key))
    if (known !== undefined) return known
    const value = this.get(key)
    if (value !== undefined) this.#remembered?.set(nameOf(key), value)
    return value
  }

  /** To be called when a transaction was rolled back. */
  forget(): void {
    this.#remembered?.clear()
  }

  /** Whether there is a value, rotten or not. */
  has(key: K): boolean {
    return this.#whole(() => this.#database.doesExist(key))
  }

  /** Only inside a transaction. */
  putSync(key: K, value: V): void {
    const bytes = encodeValue(this.name, this.#encoding, key, value)
    this.#remembered?.delete(nameOf(key))
    this.#whole(() => this.#database.putSync(key, bytes))
    this.#remembered?.set(nameOf(key), value)
  }

  /** Only inside a transaction. */
  removeSync(key: K): void {
    this.#remembered?.delete(nameOf(key))
    this.#whole(() => this.#database.removeSync(key))
  }

  keys(range: Range<K> = {}): K[] {
    return this.#whole(() => Array.from(this.#database.getKeys(range)))
  }

  /** Without those that are rotten. */
  records(range: Range<K> = {}): { readonly key: K; readonly value: V }[] {
    return this.#sound(this.#whole(() => Array.from(this.#database.getRange(range))))
  }

  /**
   * Returns the next records after this key and before `end`, without those that are rotten, and the last key that it looked at; undefined
   * at the end.
   */
  page(limit: number, after: K | undefined, end?: K) {
    const found = this.#after(limit, after, end)
    return { records: this.#sound(found), last: found.length < limit ? undefined : found.at(-1)?.key }
  }

  /** Gives checksums to the values after this key that have none. Returns the last key that it looked at. Only inside a transaction. */
  upgrade(limit: number, after: K | undefined): K | undefined {
    const found = this.#after(limit, after)
    for (const { key, value: bytes } of found) {
      const decoded = decodeValue(this.name, this.#encoding, key, bytes)
      if (decoded?.isOld) this.putSync(key, decoded.value as V)
    }
    return found.at(-1)?.key
  }

  /** Puts a rotten record right if only one bit of it is wrong. Returns whether it is right now. Only inside a transaction. */
  mend(key: K): boolean {
    const bytes = this.#whole(() => this.#database.get(key))
    if (bytes === undefined || decodeValue(this.name, this.#encoding, key, bytes)) return true
    const mended = mendRecord(this.name, this.#encoding, key, Buffer.from(bytes))
    if (mended === undefined) return false
    this.removeSync(key)
    this.putSync(mended.key as K, mended.value as V)
    return true
  }

  #after(limit: number, after: K | undefined, end?: K) {
    const from = after !== undefined && { start: after, exclusiveStart: true }
    const range = { limit, ...from, ...(end !== undefined && { end }) }
    return this.#whole(() => Array.from(this.#database.getRange(range)))
  }

  #sound(found: readonly { readonly key: K; readonly value: Buffer }[]) {
    return found.flatMap(({ key, value: bytes }) => {
      const value = this.#decode(key, bytes)
      return value === undefined ? [] : [{ key, value }]
    })
  }

  #decode(key: K, bytes: Buffer): V | undefined {
    const decoded = decodeValue(this.name, this.#encoding, key, bytes)
    if (decoded === undefined) this.#options.onRotten(this.name, key, Buffer.from(bytes))
    return decoded?.value as V | undefined
  }

  #whole<T>(work: () => T): T {
    try {
      return work()
    } catch (cause) {
      if (!isDamage(cause)) throw cause
      this.#options.onBroken(cause)
      throw new GatewayError('BROKER_UNAVAILABLE', 'the local store is damaged', { cause })
    }
  }
}

const nameOf = (key: Key): string => (typeof key === 'string' ? key : key.join('\0'))

/** Whether lmdb refuses the file, rather than the disk a write. */
const isDamage = (error: unknown): boolean =>
  error instanceof Error &&
  /MDB_(CORRUPTED|PAGE_NOTFOUND|PANIC|INVALID|BAD_\w+|INCOMPATIBLE|CURSOR_FULL|PAGE_FULL|PROBLEM)|Invalid key/.test(
    error.message,
  )
