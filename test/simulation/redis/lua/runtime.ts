import { formatG, strtod } from '../numbers.ts'

/** A value of Lua: `undefined` is nil, strings are binary. */
export type LuaValue = undefined | boolean | number | string | LuaTable | LuaFunction
/** What a function returns: one value, or several. */
export type LuaResult = LuaValue | Several
export type LuaFunction = (...args: LuaValue[]) => LuaResult

export class Several {
  readonly values: readonly LuaValue[]

  constructor(values: readonly LuaValue[]) {
    this.values = values
  }
}

/** An error of a script, with any value. */
export class LuaError extends Error {
  readonly value: LuaValue

  constructor(value: LuaValue) {
    super(typeof value === 'string' ? value : 'an error of a script')
    this.value = value
  }
}

/** An error of Lua itself, which names the place. Lines are not known here. */
export const failure = (message: string): LuaError => new LuaError(`user_script:1: ${message}`)

export class LuaTable {
  /** The values of the keys from 1 on. */
  readonly items: LuaValue[]
  #others: Map<LuaValue, LuaValue> | undefined

  constructor(items: LuaValue[] = []) {
    while (items.length > 0 && items.at(-1) === undefined) items.pop()
    this.items = items
  }

  static of(entries: Readonly<Record<string, LuaValue>>): LuaTable {
    const table = new LuaTable()
    for (const [key, value] of Object.entries(entries)) table.set(key, value)
    return table
  }

  get(key: LuaValue): LuaValue {
    if (typeof key === 'number') {
      const item = this.items[key - 1]
      if (item !== undefined) return item
    }
    return this.#others?.get(key)
  }

  set(key: LuaValue, value: LuaValue): void {
    if (key === undefined) throw failure('table index is nil')
    const { items } = this
    if (typeof key === 'number' && key >= 1 && key <= items.length + 1 && Number.isInteger(key)) {
      if (value === undefined && key >= items.length) items.length = Math.min(items.length, key - 1)
      else items[key - 1] = value
      this.#others?.delete(key)
    } else if (value === undefined) this.#others?.delete(key)
    else (this.#others ??= new Map()).set(key, value)
  }

  /** The entries up to the first key that is missing, as `ipairs` gives them. */
  sequence(): [number, LuaValue][] {
    const end = this.items.indexOf(undefined)
    return this.items.slice(0, end < 0 ? undefined : end).map((value, i) => [i + 1, value])
  }

  entries(): [LuaValue, LuaValue][] {
    const items = this.items.map((value, i): [LuaValue, LuaValue] => [i + 1, value])
    return [...items.filter(([, value]) => value !== undefined), ...(this.#others ?? [])]
  }
}

export const isTrue = (value: LuaValue): boolean => value !== undefined && value !== false

export const first = (result: LuaResult): LuaValue => (result instanceof Several ? result.values[0] : result)

export const all = (result: LuaResult): readonly LuaValue[] =>
  result instanceof Several ? result.values : [result]

export function typeOf(value: LuaValue): string {
  if (value === undefined) return 'nil'
  return value instanceof LuaTable ? 'table' : typeof value
}

/** As `tonumber`: undefined for what is no number. Lua 5.1 reads a string of C, which ends at the first null byte. */
export function toNumber(value: LuaValue): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value !== 'string') return undefined
  if (/^\d{1,15}$/.test(value)) return Number(value)
  const [text = ''] = value.split('\0')
  const { value: number, length } = strtod(text)
  return length > 0 && /^[ \t\n\v\f\r]*$/.test(text.slice(length)) ? number : undefined
}

export const toText = (value: number | string): string =>
  typeof value === 'string' ? value : formatG(value, 14)

export function num(value: LuaValue): number {
  const number = typeof value === 'number' ? value : toNumber(value)
  if (number === undefined) throw failure(`attempt to perform arithmetic on a ${typeOf(value)} value`)
  return number
}

export const modulo = (a: number, b: number): number => a - Math.floor(a / b) * b

export function concat(a: LuaValue, b: LuaValue): string {
  if ((typeof a === 'string' || typeof a === 'number') && (typeof b === 'string' || typeof b === 'number'))
    return toText(a) + toText(b)
  throw failure('attempt to concatenate a value that is no text')
}

export function isLess(a: LuaValue, b: LuaValue): boolean {
  if ((typeof a === 'number' && typeof b === 'number') || (typeof a === 'string' && typeof b === 'string'))
    return a < b
  throw failure(`attempt to compare ${typeOf(a)} with ${typeOf(b)}`)
}

export function isAtMost(a: LuaValue, b: LuaValue): boolean {
  if ((typeof a === 'number' && typeof b === 'number') || (typeof a === 'string' && typeof b === 'string'))
    return a <= b
  throw failure(`attempt to compare ${typeOf(a)} with ${typeOf(b)}`)
}

export function lengthOf(value: LuaValue): number {
  if (typeof value === 'string') return value.length
  if (value instanceof LuaTable) return value.items.length
  throw failure(`attempt to get length of a ${typeOf(value)} value`)
}

export function index(table: LuaValue, key: LuaValue): LuaValue {
  if (table instanceof LuaTable) return table.get(key)
  throw failure(`attempt to index a ${typeOf(table)} value`)
}

export function assign(table: LuaValue, key: LuaValue, value: LuaValue): void {
  if (!(table instanceof LuaTable)) throw failure(`attempt to index a ${typeOf(table)} value`)
  table.set(key, value)
}

export function callable(value: LuaValue): LuaFunction {
  if (typeof value === 'function') return value
  throw failure(`attempt to call a ${typeOf(value)} value`)
}

export const tableOf = (value: LuaValue): LuaTable => {
  if (value instanceof LuaTable) return value
  throw failure(`bad argument (table expected, got ${typeOf(value)})`)
}

export const and = (left: LuaValue, right: () => LuaValue): LuaValue => (isTrue(left) ? right() : left)
export const or = (left: LuaValue, right: () => LuaValue): LuaValue => (isTrue(left) ? left : right())
