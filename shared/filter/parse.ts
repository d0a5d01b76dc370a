import { splitTerms, splitValues } from './characters.ts'
import type { Character, RawTerm } from './characters.ts'
import { formatFilter } from './format.ts'
import { FIXED_VALUES, VALUE_KEYS } from './term.ts'
import type { Filter, SeqRange, Term, ValueKey } from './term.ts'
import { parseTime } from './times.ts'

/** Maximum length of a filter, in UTF-16 code units, as typed and as `formatFilter` writes it. */
export const MAX_FILTER_LENGTH = 1_000
const MAX_FILTER_TERMS = 50

export type ParsedFilter =
  | { readonly ok: true; readonly filter: Filter }
  | {
      readonly ok: false
      /** As it stands in the text; of one that is too long, how it begins. */
      readonly term: string
      /** What is wrong with the term; `FILTER_PROBLEMS` has a sentence for each. */
      readonly problem: FilterProblem
    }

type FilterProblem = keyof typeof FILTER_PROBLEMS

export const FILTER_PROBLEMS = {
  'too-long': `a filter has at most ${MAX_FILTER_LENGTH} characters`,
  'too-many-terms': `a filter has at most ${MAX_FILTER_TERMS} terms`,
  'not-text': 'it holds half a character',
  'open-quote': 'a quote is not closed',
  'unknown-key': `the keys are ${VALUE_KEYS.join(', ')}, seq, recalled and received; write "a:b" in quotes to look for that`,
  'no-colon':
    'write a colon after a key, such as operator:alice, or >= and < before a time; write "a=b" in quotes to look for that',
  'no-value': 'a value is missing',
  'not-a-kind': `the kinds are ${FIXED_VALUES.kind?.join(', ')}`,
  'not-a-mark': `what can be asked with "is" is ${FIXED_VALUES.is?.join(', ')}`,
  'not-a-seq': 'a seq is a whole number from 1, or a range such as 200-210',
  'not-a-time':
    'write a time with its zone, such as recalled>=2026-11-27T10:00Z, or a day in UTC, such as recalled<2026-11-28',
} as const

const ALIASES: Readonly<Record<string, ValueKey>> = {
  ...Object.fromEntries(VALUE_KEYS.map((key) => [key, key])),
  key: 'msgid',
}

/** Parses a filter; see `server/docs/searching.md`. Never ignores a part that it does not understand. */
export function parseFilter(text: string): ParsedFilter {
  if (text.length > MAX_FILTER_LENGTH) return tooLong(text)
  const raw = splitTerms(text)
  if (raw.length > MAX_FILTER_TERMS) return refuse(raw[MAX_FILTER_TERMS]?.text, 'too-many-terms')
  const terms: Term[] = []
  for (const each of raw) {
    const term = parseTerm(each)
    if (typeof term === 'string') return refuse(each.text, term)
    terms.push(term)
  }
  const filter = { terms }
  // Two spellings of one filter are as long as each other: what was accepted can be stored and accepted again.
  return formatFilter(filter).length > MAX_FILTER_LENGTH ? tooLong(text) : { ok: true, filter }
}

const refuse = (term = '', problem: FilterProblem): ParsedFilter => ({ ok: false, term, problem })

const tooLong = (text: string): ParsedFilter => refuse(`${text.slice(0, 40)}…`, 'too-long')

/** Returns what is wrong with the term if there is something. */
function parseTerm({ text, characters, isOpen }: RawTerm): Term | FilterProblem {
  if (isOpen) return 'open-quote'
  if (/\p{Cs}/u.test(text)) return 'not-text'
  const excludes = characters[0]?.character === '-' && !characters[0].quoted
  const rest = excludes ? characters.slice(1) : characters
  const end = rest.findIndex(({ character, quoted }, i) => quoted || (i > 0 && /[:：<>]/.test(character)))
  const separator = rest[end]
  if (separator === undefined || separator.quoted) {
    if (hasEquals(rest)) return 'no-colon'
    const words = splitValues(rest)
    return words.includes('') ? 'no-value' : { excludes, key: 'word', values: toSet(words, true) }
  }
  const name = rest
    .slice(0, end)
    .map(({ character }) => character)
    .join('')
    .toLowerCase()
  const isColon = /[:：]/.test(separator.character)
  if (name === 'recalled' || name === 'received') {
    const value = splitValues(rest.slice(isColon ? end + 1 : end)).join(',')
    const time = parseTime(name, value)
    return time === undefined ? 'not-a-time' : { excludes, ...time }
  }
  const key = Object.hasOwn(ALIASES, name) ? ALIASES[name] : undefined
  if (!isColon || (key === undefined && name !== 'seq')) return 'unknown-key'
  const values = splitValues(rest.slice(end + 1))
  if (values.includes('')) return 'no-value'
  if (key === undefined) {
    const ranges = parseRanges(values)
    return ranges === undefined ? 'not-a-seq' : { excludes, key: 'seq', ranges }
  }
  const isFixed = FIXED_VALUES[key] !== undefined
  const found = toSet(values, isFixed || key === 'type')
  if (FIXED_VALUES[key] !== undefined && ![...found].every((value) => FIXED_VALUES[key]?.includes(value)))
    return key === 'kind' ? 'not-a-kind' : 'not-a-mark'
  return { excludes, key, values: found }
}

/** A key with an equals sign would be a word that nothing contains: the answer "none" would be no answer. */
function hasEquals(characters: readonly Character[]): boolean {
  const end = characters.findIndex(({ character }) => character === '=')
  const before = characters.slice(0, end + 1)
  if (end < 1 || before.some(({ quoted }) => quoted)) return false
  const name = before
    .slice(0, -1)
    .map(({ character }) => character)
    .join('')
    .toLowerCase()
  return Object.hasOwn(ALIASES, name) || name === 'seq' || name === 'recalled' || name === 'received'
}

const toSet = (values: readonly string[], anyCase: boolean): ReadonlySet<string> =>
  new Set(anyCase ? values.map((value) => value.toLowerCase()) : values)

/** Returns the ranges in order, without overlap; undefined if one of them is none. */
function parseRanges(texts: readonly string[]): SeqRange[] | undefined {
  const ranges: SeqRange[] = []
  for (const text of texts) {
    const [, from, to = from] = /^(\d{1,16})(?:-(\d{1,16}))?$/.exec(text) ?? []
    const [first, last] = [Number(from), Number(to)]
    if (!(first >= 1 && first <= last && last <= Number.MAX_SAFE_INTEGER)) return undefined
    ranges.push({ first, last })
  }
  const merged: SeqRange[] = []
  for (const range of ranges.toSorted((one, other) => one.first - other.first)) {
    const before = merged.at(-1)
    if (before === undefined || range.first > before.last + 1) merged.push(range)
    else merged[merged.length - 1] = { first: before.first, last: Math.max(before.last, range.last) }
  }
  return merged
}
