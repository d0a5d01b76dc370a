import { formatG, formatInteger, formatRounded } from '../numbers.ts'
import { regExpOf } from './patterns.ts'
import {
  all,
  callable,
  failure,
  first,
  isLess,
  isTrue,
  LuaError,
  num,
  Several,
  tableOf,
  toNumber,
  toText,
  typeOf,
} from './runtime.ts'
import type { LuaFunction, LuaResult, LuaValue } from './runtime.ts'

/** The stack of Lua has room for no more. */
const MAX_UNPACKED = 8_000

/** Functions by their name in a table such as `string`. */
export type Library = Readonly<Record<string, LuaFunction | number | undefined>>

function text(value: LuaValue): string {
  if (typeof value === 'string' || typeof value === 'number') return toText(value)
  throw failure(`bad argument (string expected, got ${typeOf(value)})`)
}

function find(given: LuaValue, pattern: LuaValue, from: LuaValue, isPlain: LuaValue): LuaResult {
  const subject = text(given)
  const start = from === undefined ? 1 : num(from)
  if (start !== 1) throw failure('the model only finds from the start')
  if (isPlain !== undefined && isPlain !== false) {
    const at = subject.indexOf(text(pattern))
    return at < 0 ? undefined : new Several([at + 1, at + text(pattern).length])
  }
  const match = regExpOf(text(pattern)).exec(subject)
  if (match === null) return undefined
  return new Several([match.index + 1, match.index + match[0].length, ...match.slice(1)])
}

function capture(subject: LuaValue, pattern: LuaValue): LuaResult {
  const found = regExpOf(text(pattern)).exec(text(subject))
  if (found === null) return undefined
  return found.length === 1 ? found[0] : new Several(found.slice(1))
}

/** The pieces of a template: texts, and directives between them. */
const templates = new Map<string, readonly string[]>()

function format(template: LuaValue, ...values: LuaValue[]): string {
  const key = text(template)
  const pieces = templates.get(key) ?? key.split(/(%(?:%|\.?\d*[a-zA-Z]))/)
  templates.set(key, pieces)
  let [made, used] = ['', 0]
  for (const [i, piece] of pieces.entries())
    made += i % 2 === 0 ? piece : piece === '%%' ? '%' : formatOne(piece, values[used++])
  return made
}

function formatOne(directive: string, value: LuaValue): string {
  if (directive === '%s') return asShort(shown(value))
  const number = num(value)
  if (directive === '%d') return formatInteger(number)
  if (directive === '%.0f') return formatRounded(number)
  if (directive === '%x') return Math.trunc(number).toString(16)
  const [, digits = ''] = /^%\.?(\d*)g$/.exec(directive) ?? []
  if (!directive.endsWith('g')) throw failure(`the model does not format ${directive}`)
  return formatG(number, digits === '' ? 6 : Number(digits))
}

/** `%s` ends at the first null byte, unless the text is long. */
const asShort = (value: string): string => (value.length < 100 ? (value.split('\0')[0] ?? '') : value)

const shown = (value: LuaValue): string => {
  if (typeof value === 'string' || typeof value === 'number') return toText(value)
  return value === undefined ? 'nil' : typeof value === 'boolean' ? String(value) : typeOf(value)
}

function sub(given: LuaValue, from: LuaValue, to: LuaValue = -1): string {
  const subject = text(given)
  const at = (position: number): number =>
    position < 0 ? Math.max(0, subject.length + position + 1) : position
  return subject.slice(Math.max(1, at(num(from))) - 1, Math.max(0, at(num(to))))
}

const STRING: Library = {
  find,
  match: capture,
  format,
  sub,
  len: (value) => text(value).length,
  lower: (value) => text(value).toLowerCase(),
  upper: (value) => text(value).toUpperCase(),
  rep: (value, count) => text(value).repeat(Math.max(0, num(count))),
}

function sort(table: LuaValue, order: LuaValue): undefined {
  const isBefore =
    order === undefined ? isLess : (a: LuaValue, b: LuaValue): boolean => isTrue(first(callable(order)(a, b)))
  tableOf(table).items.sort((a, b) => (isBefore(a, b) ? -1 : isBefore(b, a) ? 1 : 0))
}

const TABLE: Library = {
  concat: (table, separator = '') => tableOf(table).items.map(text).join(text(separator)),
  sort,
  insert(table, ...rest) {
    if (rest.length !== 1) throw failure('the model only inserts at the end')
    tableOf(table).items.push(rest[0])
    return undefined
  },
}

const MATH: Library = {
  abs: (value) => Math.abs(num(value)),
  ceil: (value) => Math.ceil(num(value)),
  floor: (value) => Math.floor(num(value)),
  huge: Infinity,
  // Not those of JavaScript, which take NaN for the result.
  max: (...values) => values.map(num).reduce((most, value) => (value > most ? value : most)),
  min: (...values) => values.map(num).reduce((least, value) => (value < least ? value : least)),
}

function protectedCall(called: LuaValue, ...args: LuaValue[]): Several {
  try {
    return new Several([true, ...all(callable(called)(...args))])
  } catch (error) {
    if (error instanceof LuaError) return new Several([false, error.value])
    throw error
  }
}

/** Functions that belong to no table. */
const BASE: Library = {
  error(value) {
    throw typeof value === 'string' ? failure(value) : new LuaError(value)
  },
  pcall: protectedCall,
  tonumber: (value, base) => {
    if (base !== undefined && base !== 10) throw failure('the model only reads decimal numbers')
    return toNumber(value)
  },
  tostring: shown,
  type: typeOf,
  unpack(table) {
    const { items } = tableOf(table)
    if (items.length >= MAX_UNPACKED) throw failure('too many results to unpack')
    return new Several(items)
  },
}

export const LIBRARIES: Readonly<Record<string, Library>> = {
  '': BASE,
  string: STRING,
  table: TABLE,
  math: MATH,
}
