import { world } from './world.ts'
import type { SimProcess } from './schedule.ts'
import type { Sorted, Key, Range } from './sorted.ts'
import { disks } from './stores.ts'
import type { Stored } from './stores.ts'

// Stands in for the package of this name, on a disk in memory: what the gateway uses of it, with its timing and failures, as
// `openStore` opens it: a write is seen, and survives, from the flush that ends its transaction.

interface OpenOptions {
  readonly path: string
  readonly encoding?: 'json' | 'string' | 'binary'
  readonly name?: string
}

type Encoding = NonNullable<OpenOptions['encoding']>

/** To the text that a disk keeps, and back. */
const ENCODINGS: Record<Encoding, [(value: unknown) => string, (text: string) => unknown]> = {
  json: [(value) => JSON.stringify(value), (text) => JSON.parse(text) as unknown],
  string: [String, (text) => text],
  binary: [(value) => (value as Buffer).toString('latin1'), (text) => Buffer.from(text, 'latin1')],
}

class Database {
  readonly #root: Root
  readonly #stored: Stored
  readonly #encode: (value: unknown) => string
  readonly #decode: (text: string) => unknown

  constructor(root: Root, name: string, encoding: Encoding = 'json') {
    this.#root = root
    this.#stored = disks.current.database(root.path, name)
    ;[this.#encode, this.#decode] = ENCODINGS[encoding]
  }

  get #entries(): Sorted {
    this.#root.checkOpen()
    return this.#root.isWorking ? this.#stored.working : this.#stored.flushed
  }

  get(key: Key): unknown {
    const text = this.#entries.get(key)
    return text === undefined ? undefined : this.#decode(text)
  }

  doesExist(key: Key): boolean {
    return this.#entries.get(key) !== undefined
  }

  put(key: Key, value: unknown): Promise<boolean> {
    return this.#write(key, this.#encode(value))
  }

  putSync(key: Key, value: unknown): boolean {
    this.#root.sync(() => this.#set(key, this.#encode(value)))
    return true
  }

  /** Resolves to true, whether there was such an entry or not. */
  remove(key: Key): Promise<boolean> {
    return this.#write(key, undefined)
  }

  removeSync(key: Key): boolean {
    const isKnown = this.#entries.get(key) !== undefined
    this.#root.sync(() => this.#set(key, undefined))
    return isKnown
  }

  #write(key: Key, text: string | undefined): Promise<boolean> {
    const write = (): boolean => this.#set(key, text)
    // In a transaction, it is part of it, and resolves after it.
    if (this.#root.isWorking) write()
    return this.#root.add(this.#root.isWorking ? () => true : write, true)
  }

  #set(key: Key, text: string | undefined): boolean {
    this.#stored.working.set(key, text)
    this.#stored.changed.add(key)
    return true
  }

  transaction<T>(work: () => T): Promise<T> {
    return this.#root.transaction(work)
  }

  transactionSync<T>(work: () => T): T {
    return this.#root.transactionSync(work)
  }

  getKeys(range: Range = {}): Key[] {
    return this.#entries.range(range)
  }

  getRange(range: Range = {}): { key: Key; value: unknown }[] {
    return this.getKeys(range).map((key) => ({ key, value: this.get(key) }))
  }

  getCount(): number {
    return this.#entries.size
  }

  getStats(): { entryCount: number } {
    return { entryCount: this.#entries.size }
  }
}

interface Work {
  /** Returns what tells the outcome once it is on the disk. */
  readonly run: () => () => void
  readonly fail: (error: Error) => void
}

/** Transactions run one after the other, those that wait at the same time together, and end with a flush. */
class Root {
  readonly path: string
  readonly #owner: SimProcess = world.schedule.current
  /** Whether the code that runs now is the work of a transaction. */
  isWorking = false
  #waiting: Work[] = []
  /** Whether a transaction has been written that is not flushed. */
  #isFlushing = false
  #isWriting = false
  #isClosed = false
  readonly #onIdle: (() => void)[] = []

  constructor(path: string) {
    this.path = path
    // Nobody knows how far a flush had come.
    this.#owner.onKill.push(() => {
      if (this.#isFlushing) disks.current.end(path, world.random.chance(0.5))
    })
  }

  checkOpen(): void {
    if (this.#isClosed && !this.#isWriting)
      throw new Error('Can not renew a transaction from a closed database')
  }

  openDB(first: string | OpenOptions, second?: OpenOptions): Database {
    const options = typeof first === 'string' ? { ...second, name: first } : first
    return new Database(this, options.name ?? '', options.encoding)
  }

  /** An error that `work` throws does not undo what it wrote. */
  transaction<T>(work: () => T): Promise<T> {
    return this.add(work, false)
  }

  add<T>(work: () => T, isSingle: boolean): Promise<T> {
    const outcome = new Promise<T>((resolve, reject) => {
      const run = (): (() => void) => {
        try {
          const result = work()
          // Writes of their own resolve before transactions of the same flush.
          return () => (isSingle ? resolve(result) : queueMicrotask(() => resolve(result)))
        } catch (error) {
          return () => queueMicrotask(() => reject(error))
        }
      }
      this.#waiting.push({ run, fail: reject })
    })
    this.#write()
    return outcome
  }

  #write(): void {
    if (this.#isWriting) return
    const { schedule } = world
    if (this.#isClosed)
      return void schedule.after(0, this.#owner, () => {
        throw new Error('The environment is already closed.')
      })
    this.#isWriting = true
    schedule.after(0, this.#owner, () => {
      const works = this.#waiting
      this.#waiting = []
      this.isWorking = true
      this.#isFlushing = true
      // What they add meanwhile waits for the next.
      const outcomes = works.map(({ run }) => run())
      this.isWorking = false
      schedule.after(disks.current.behaviourOf(this.path).syncMs(), this.#owner, () => {
        const { failure } = disks.current.behaviourOf(this.path)
        this.#isFlushing = false
        disks.current.end(this.path, failure === undefined)
        if (failure === undefined) for (const tell of outcomes) tell()
        else failAll(works, failure)
        this.#isWriting = false
        if (this.#waiting.length > 0) this.#write()
        else for (const tell of this.#onIdle.splice(0)) tell()
      })
    })
  }

  /** Waits for the writes under way. Writing later ends the process. */
  async close(): Promise<void> {
    if (this.#isWriting) await new Promise<void>((resolve) => void this.#onIdle.push(resolve))
    this.#isClosed = true
  }

  get(key: Key): unknown {
    return this.openDB('').get(key)
  }

  /** In the transaction that runs, or in one of its own, during which all else waits. */
  sync(write: () => void): void {
    if (this.isWorking) return write()
    this.transactionSync(write)
  }

  transactionSync<T>(work: () => T): T {
    if (this.isWorking) return work()
    this.checkOpen()
    const { failure } = disks.current.behaviourOf(this.path)
    this.isWorking = true
    let isFlushed = false
    try {
      const result = work()
      isFlushed = failure === undefined
      if (failure !== undefined) throw diskError(failure)
      return result
    } finally {
      this.isWorking = false
      disks.current.end(this.path, isFlushed)
    }
  }
}

const diskError = (code: string): Error => Object.assign(new Error(`${code}: the disk failed`), { code })

/** As lmdb does: each is told of the one failure, by an error and a promise of its own. */
function failAll(works: readonly Work[], code: string): void {
  for (const { fail } of works) {
    const commitError = Promise.reject(diskError(code))
    fail(Object.assign(new Error('Commit failed (see commitError for details)'), { commitError }))
  }
}

export const open = ({ path }: OpenOptions): Root => new Root(path)
