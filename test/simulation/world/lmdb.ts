import { world } from './globals.ts'
import type { SimProcess } from './schedule.ts'

/** Stands in for the package of this name, on a disk in memory: what the gateway uses of it, with its timing and failures. */

export type Key = string | number | readonly (string | number)[]

/** How a disk behaves now. */
export interface DiskBehaviour {
  syncMs: () => number
  /** Writes fail with this code; undefined while they succeed. */
  failure: string | undefined
}

/** A database on a disk: what was written, and what of it would survive a power cut. */
interface Stored {
  readonly entries: Sorted
  durable: readonly (readonly [Key, string])[]
}

/** The disks of a run, by path of the store; they outlive processes. */
export class Disks {
  readonly #stores = new Map<string, Map<string, Stored>>()
  behaviourOf: (path: string) => DiskBehaviour = () => DEFAULT

  database(path: string, name: string): Stored {
    const store = this.#stores.get(path) ?? new Map<string, Stored>()
    this.#stores.set(path, store)
    const known = store.get(name) ?? { entries: new Sorted(), durable: [] }
    store.set(name, known)
    return known
  }

  sync(path: string): void {
    for (const stored of this.#stores.get(path)?.values() ?? []) stored.durable = stored.entries.snapshot()
  }

  /** The machine of the stores below this path loses its power. */
  cutPower(folder: string): void {
    for (const [path, store] of this.#stores)
      if (path.startsWith(folder)) for (const stored of store.values()) stored.entries.restore(stored.durable)
  }

  /** Numbers of entries, by database. */
  sizes(path: string): Readonly<Record<string, number>> {
    return Object.fromEntries(
      [...(this.#stores.get(path) ?? [])].map(([name, { entries }]) => [name, entries.size]),
    )
  }
}

const DEFAULT: DiskBehaviour = { syncMs: () => 0.5, failure: undefined }

export const disks: { current: Disks } = {} as never

class Sorted {
  #keys: Key[] = []
  readonly #values = new Map<string, string>()

  get size(): number {
    return this.#keys.length
  }

  get(key: Key): string | undefined {
    return this.#values.get(JSON.stringify(key))
  }

  set(key: Key, value: string): void {
    const text = JSON.stringify(key)
    if (!this.#values.has(text)) this.#keys.splice(this.#indexOf(key), 0, key)
    this.#values.set(text, value)
  }

  delete(key: Key): boolean {
    if (!this.#values.delete(JSON.stringify(key))) return false
    this.#keys.splice(this.#indexOf(key), 1)
    return true
  }

  clear(): void {
    this.#keys = []
    this.#values.clear()
  }

  /** Where the key is, or belongs. */
  #indexOf(key: Key): number {
    let from = 0
    let until = this.#keys.length
    while (from < until) {
      const middle = (from + until) >> 1
      if (compare(this.#keys[middle] as Key, key) < 0) from = middle + 1
      else until = middle
    }
    return from
  }

  range({ start, end, limit = Infinity, reverse = false }: Range): Key[] {
    const isInside = (key: Key): boolean => {
      const afterStart =
        start === undefined || (reverse ? compare(key, start) <= 0 : compare(key, start) >= 0)
      const beforeEnd = end === undefined || (reverse ? compare(key, end) > 0 : compare(key, end) < 0)
      return afterStart && beforeEnd
    }
    const low = reverse ? end : start
    const found: Key[] = []
    const keys = this.#keys
    if (reverse) {
      let i = start === undefined ? keys.length - 1 : this.#indexOf(start)
      for (i = Math.min(i, keys.length - 1); i >= 0 && found.length < limit; i--) {
        const key = keys[i] as Key
        if (isInside(key)) found.push(key)
        else if (end !== undefined && compare(key, end) <= 0) break
      }
      return found
    }
    for (let i = low === undefined ? 0 : this.#indexOf(low); i < keys.length && found.length < limit; i++) {
      const key = keys[i] as Key
      if (!isInside(key)) break
      found.push(key)
    }
    return found
  }

  snapshot(): readonly (readonly [Key, string])[] {
    return this.#keys.map((key) => [key, this.get(key) ?? ''] as const)
  }

  restore(entries: readonly (readonly [Key, string])[]): void {
    this.clear()
    for (const [key, value] of entries) this.set(key, value)
  }
}

interface Range {
  readonly start?: Key
  readonly end?: Key
  readonly limit?: number
  readonly reverse?: boolean
}

/** As lmdb orders them: numbers before texts, arrays by their elements. */
function compare(a: Key, b: Key): number {
  if (typeof a === 'object' && typeof b === 'object') {
    for (let i = 0; i < Math.min(a.length, b.length); i++) {
      const order = compare(a[i] as Key, b[i] as Key)
      if (order !== 0) return order
    }
    return a.length - b.length
  }
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1
  return a < b ? -1 : a > b ? 1 : 0
}

interface OpenOptions {
  readonly path: string
  readonly encoding?: 'json' | 'string'
  readonly name?: string
}

class Database {
  readonly #root: Root
  readonly #stored: Stored
  readonly #encode: (value: unknown) => string
  readonly #decode: (text: string) => unknown

  constructor(root: Root, name: string, encoding = 'json') {
    this.#root = root
    this.#stored = disks.current.database(root.path, name)
    this.#encode = encoding === 'string' ? String : (value) => JSON.stringify(value)
    this.#decode = encoding === 'string' ? (text) => text : (text) => JSON.parse(text) as unknown
  }

  get(key: Key): unknown {
    const text = this.#stored.entries.get(key)
    return text === undefined ? undefined : this.#decode(text)
  }

  put(key: Key, value: unknown): Promise<boolean> {
    return this.#root.transaction(() => this.putSync(key, value))
  }

  putSync(key: Key, value: unknown): boolean {
    const before = this.#stored.entries.get(key)
    this.#root.undo.push(() => {
      if (before === undefined) this.#stored.entries.delete(key)
      else this.#stored.entries.set(key, before)
    })
    this.#stored.entries.set(key, this.#encode(value))
    return true
  }

  remove(key: Key): Promise<boolean> {
    return this.#root.transaction(() => this.removeSync(key))
  }

  removeSync(key: Key): boolean {
    const before = this.#stored.entries.get(key)
    if (before === undefined) return false
    this.#root.undo.push(() => this.#stored.entries.set(key, before))
    return this.#stored.entries.delete(key)
  }

  transaction<T>(work: () => T): Promise<T> {
    return this.#root.transaction(work)
  }

  getKeys(range: Range = {}): Key[] {
    return this.#stored.entries.range(range)
  }

  getRange(range: Range = {}): { key: Key; value: unknown }[] {
    return this.getKeys(range).map((key) => ({ key, value: this.get(key) }))
  }

  getCount(range: Range = {}): number {
    return this.getKeys(range).length
  }

  getStats(): { entryCount: number } {
    return { entryCount: this.#stored.entries.size }
  }
}

/** Transactions run one after the other, those that wait at the same time together, and end with a flush. */
class Root {
  readonly path: string
  readonly #owner: SimProcess = world.schedule.current
  undo: (() => void)[] = []
  #waiting: (() => () => void)[] = []
  #isWriting = false
  #isClosed = false

  constructor(path: string) {
    this.path = path
  }

  openDB(first: string | OpenOptions, second?: OpenOptions): Database {
    const options = typeof first === 'string' ? { ...second, name: first } : first
    return new Database(this, options.name ?? '', options.encoding)
  }

  transaction<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(new Error('the database is closed'))
      // Returns what tells the outcome once it is on the disk.
      this.#waiting.push(() => {
        try {
          const result = work()
          return () => resolve(result)
        } catch (error) {
          return () => reject(error)
        }
      })
      this.#failures.push(reject)
      this.#write()
    })
  }

  #failures: ((error: unknown) => void)[] = []

  #write(): void {
    if (this.#isWriting) return
    this.#isWriting = true
    const { schedule } = world
    schedule.after(0, this.#owner, () => {
      const behaviour = disks.current.behaviourOf(this.path)
      const works = this.#waiting.splice(0)
      const failures = this.#failures.splice(0)
      this.undo = []
      const outcomes = works.map((work) => work())
      schedule.after(behaviour.syncMs(), this.#owner, () => {
        this.#isWriting = false
        const { failure } = disks.current.behaviourOf(this.path)
        if (failure === undefined) {
          disks.current.sync(this.path)
          for (const tell of outcomes) tell()
        } else {
          for (const back of this.undo.reverse()) back()
          for (const reject of failures) reject(Object.assign(new Error(failure), { code: failure }))
        }
        this.undo = []
        if (this.#waiting.length > 0) this.#write()
      })
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
  }

  get(key: Key): unknown {
    return this.openDB('').get(key)
  }

  transactionSync<T>(work: () => T): T {
    const result = work()
    disks.current.sync(this.path)
    return result
  }
}

export const open = ({ path }: OpenOptions): Root => new Root(path)
