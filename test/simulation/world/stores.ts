import { Sorted } from './sorted.ts'
import type { Key } from './sorted.ts'

// What the stores of a run have on their disks.

/** How a disk behaves now. */
export interface DiskBehaviour {
  /** How long a flush takes. */
  syncMs: () => number
  /** Writes fail with this code, for instance `ENOSPC` or `EIO`; undefined while they succeed. */
  failure: string | undefined
}

const DEFAULT: DiskBehaviour = { syncMs: () => 0.5, failure: undefined }

/** A database on a disk, and how it will be after the transaction that is being written. */
export interface Stored {
  readonly flushed: Sorted
  readonly working: Sorted
  /** Those in which they differ. */
  readonly changed: Set<Key>
}

/** The disks of a run, by path of the store; they outlive processes. */
export class Disks {
  readonly #stores = new Map<string, Map<string, Stored>>()
  behaviourOf: (path: string) => DiskBehaviour = () => DEFAULT

  database(path: string, name: string): Stored {
    const store = this.#stores.get(path) ?? new Map<string, Stored>()
    this.#stores.set(path, store)
    const known = store.get(name) ?? { flushed: new Sorted(), working: new Sorted(), changed: new Set() }
    store.set(name, known)
    return known
  }

  /** Ends the transaction of a store: all of it is on the disk, or nothing. */
  end(path: string, isFlushed: boolean): void {
    for (const { flushed, working, changed } of this.#stores.get(path)?.values() ?? []) {
      const [from, to] = isFlushed ? [working, flushed] : [flushed, working]
      for (const key of changed) to.set(key, from.get(key))
      changed.clear()
    }
  }

  /** Numbers of entries on the disk, by database. */
  sizes(path: string): Readonly<Record<string, number>> {
    return Object.fromEntries(
      [...(this.#stores.get(path) ?? [])].map(([name, { flushed }]) => [name, flushed.size]),
    )
  }
}

export const disks: { current: Disks } = {} as never
