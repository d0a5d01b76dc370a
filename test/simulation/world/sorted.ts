/** Of lmdb: an array is compared by its elements, and one of a single element is that element. */
export type Key = string | number | readonly (string | number)[]

/** From `start`, which is included unless it is to be left out, to `end`, which is not, forwards or backwards. */
export interface Range {
  readonly start?: Key
  readonly end?: Key
  readonly limit?: number
  readonly reverse?: boolean
  readonly exclusiveStart?: boolean
}

/** Texts by key, in order. */
export class Sorted {
  readonly #keys: Key[] = []
  readonly #values = new Map<string, string>()

  get size(): number {
    return this.#keys.length
  }

  get(key: Key): string | undefined {
    return this.#values.get(nameOf(key))
  }

  /** Undefined deletes. */
  set(key: Key, value: string | undefined): void {
    const name = nameOf(key)
    const isKnown = this.#values.has(name)
    if (value !== undefined) {
      this.#values.set(name, value)
      if (!isKnown) this.#keys.splice(this.#indexOf(key), 0, simple(key))
    } else if (isKnown) {
      this.#values.delete(name)
      this.#keys.splice(this.#indexOf(key), 1)
    }
  }

  range({ start, end, limit = Infinity, reverse = false, exclusiveStart = false }: Range): Key[] {
    const keys = this.#keys
    if (!reverse) {
      const from = start === undefined ? 0 : exclusiveStart ? this.#indexAfter(start) : this.#indexOf(start)
      const until = end === undefined ? keys.length : this.#indexOf(end)
      return keys.slice(from, Math.max(from, Math.min(until, from + limit)))
    }
    const until =
      start === undefined ? keys.length : exclusiveStart ? this.#indexOf(start) : this.#indexAfter(start)
    const from = Math.max(end === undefined ? 0 : this.#indexAfter(end), until - limit)
    return keys.slice(Math.min(from, until), until).reverse()
  }

  /** Where the key is, or belongs. */
  #indexOf(key: Key): number {
    let from = 0
    let until = this.#keys.length
    // Most are appended.
    if (until > 0 && compare(this.#keys[until - 1] as Key, key) < 0) return until
    while (from < until) {
      const middle = (from + until) >> 1
      if (compare(this.#keys[middle] as Key, key) < 0) from = middle + 1
      else until = middle
    }
    return from
  }

  #indexAfter(key: Key): number {
    const i = this.#indexOf(key)
    const found = this.#keys[i]
    return found !== undefined && compare(found, key) === 0 ? i + 1 : i
  }
}

const simple = (key: Key): Key => (typeof key === 'object' && key.length === 1 ? (key[0] as Key) : key)

/** Distinguishes keys. Infinity is one of them, which JSON cannot tell from null. */
const nameOf = (key: Key): string => {
  if (typeof key === 'string') return `"${key}`
  if (typeof key === 'number') return `${key}`
  return key.length === 1 ? nameOf(key[0] as Key) : key.map(nameOf).join('\0')
}

function compare(a: Key, b: Key): number {
  if (typeof a === 'object' || typeof b === 'object') {
    const [as, bs] = [typeof a === 'object' ? a : [a], typeof b === 'object' ? b : [b]]
    for (let i = 0; i < Math.min(as.length, bs.length); i++) {
      const order = compareElements(as[i] as string | number, bs[i] as string | number)
      if (order !== 0) return order
    }
    return as.length - bs.length
  }
  return compareElements(a, b)
}

/** Numbers before texts. */
function compareElements(a: string | number, b: string | number): number {
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1
  return a < b ? -1 : a > b ? 1 : 0
}
