import type { Journal } from './journal.ts'
import { ErrorReply, WRONG_TYPE } from './reply.ts'

/** Part of the id of a stream entry: 64 bits. A bigint only where a number would not be exact. */
export type IdPart = number | bigint

export interface StreamEntry {
  readonly ms: IdPart
  readonly seq: IdPart
  readonly id: string
  /** Names and values, flat. */
  readonly fields: readonly string[]
}

export interface Stream {
  /** Those before `start` have been trimmed. Only ever appended to, or replaced. */
  entries: StreamEntry[]
  start: number
  lastMs: IdPart
  lastSeq: IdPart
}

interface DataOf {
  readonly string: { text: string }
  readonly list: string[]
  readonly set: Set<string>
  readonly hash: Map<string, string>
  readonly zset: Map<string, number>
  readonly stream: Stream
}

export type ValueType = keyof DataOf

/** A value with its type and the time in ms when it expires, Infinity for never. */
export type Value = {
  [T in ValueType]: { readonly type: T; readonly data: DataOf[T]; expiresAtMs: number }
}[ValueType]

const EMPTY: { readonly [T in ValueType]: () => DataOf[T] } = {
  string: () => ({ text: '' }),
  list: () => [],
  set: () => new Set(),
  hash: () => new Map(),
  zset: () => new Map(),
  stream: () => ({ entries: [], start: 0, lastMs: 0, lastSeq: 0 }),
}

const COPY: { readonly [T in ValueType]: (data: DataOf[T]) => DataOf[T] } = {
  string: ({ text }) => ({ text }),
  list: (data) => [...data],
  set: (data) => new Set(data),
  hash: (data) => new Map(data),
  zset: (data) => new Map(data),
  stream: (data) => ({ ...data, entries: data.entries.slice(data.start), start: 0 }),
}

export type Snapshot = ReadonlyMap<string, Value>

/** Keys and values. Every change goes through here, so that the journal can undo it. */
export class Keyspace {
  #values = new Map<string, Value>()
  readonly #journal: Journal
  readonly #now: () => number

  constructor(journal: Journal, now: () => number) {
    this.#journal = journal
    this.#now = now
  }

  get now(): number {
    return Math.floor(this.#now())
  }

  /** Returns what a key holds, unless it has expired: in its last millisecond it is still there. */
  get(key: string): Value | undefined {
    const value = this.#values.get(key)
    if (value === undefined || value.expiresAtMs === Infinity || value.expiresAtMs >= this.now) return value
    this.#values.delete(key)
    return undefined
  }

  /** Returns the data of a key of this type; undefined if there is none. Throws WRONGTYPE for another type. */
  read<T extends ValueType>(key: string, type: T): DataOf[T] | undefined {
    const value = this.get(key)
    if (value === undefined) return undefined
    if (value.type !== type) throw new ErrorReply(WRONG_TYPE)
    return value.data as DataOf[T]
  }

  /** Like `read`, and creates what is missing. */
  open<T extends ValueType>(key: string, type: T): DataOf[T] {
    const found = this.read(key, type)
    if (found !== undefined) return found
    const data = EMPTY[type]()
    this.put(key, { type, data, expiresAtMs: Infinity } as Value)
    return data
  }

  put(key: string, value: Value): void {
    const before = this.#values.get(key)
    this.#values.set(key, value)
    this.#journal.record(() => {
      if (before === undefined) this.#values.delete(key)
      else this.#values.set(key, before)
    })
  }

  remove(key: string): boolean {
    const before = this.get(key)
    if (before === undefined) return false
    this.#values.delete(key)
    this.#journal.record(() => void this.#values.set(key, before))
    return true
  }

  expire(value: Value, atMs: number): void {
    const before = value.expiresAtMs
    value.expiresAtMs = atMs
    this.#journal.record(() => void (value.expiresAtMs = before))
  }

  setIn<V>(map: Map<string, V>, field: string, value: V): void {
    const before = map.get(field)
    map.set(field, value)
    this.#journal.record(() => void (before === undefined ? map.delete(field) : map.set(field, before)))
  }

  deleteIn<V>(map: Map<string, V>, field: string): boolean {
    const before = map.get(field)
    if (before === undefined) return false
    map.delete(field)
    this.#journal.record(() => void map.set(field, before))
    return true
  }

  /** Notes how to undo a change that a command makes itself. */
  onUndo(undo: () => void): void {
    this.#journal.record(undo)
  }

  /** Removes all that has expired, and returns the keys that are left. */
  keys(): string[] {
    return [...this.#values.keys()].filter((key) => this.get(key) !== undefined)
  }

  /** As FLUSHALL. Counts as a write even if nothing was there. */
  clear(): void {
    const before = this.#values
    this.#values = new Map()
    this.#journal.record(() => void (this.#values = before))
  }

  snapshot(): Snapshot {
    return copyOf(this.#values)
  }

  /** Replaces everything. Not for the journal. */
  restore(snapshot: Snapshot): void {
    this.#values = copyOf(snapshot)
  }
}

const copyOf = (values: Snapshot): Map<string, Value> =>
  new Map(
    [...values].map(([key, value]): [string, Value] => [
      key,
      { ...value, data: (COPY[value.type] as (data: unknown) => unknown)(value.data) } as Value,
    ]),
  )
