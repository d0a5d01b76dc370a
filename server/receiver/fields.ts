import { isIdentifier, MAX_IDENTIFIER_BYTES } from '../../shared/identifier.ts'
import { isRecord } from '../../shared/json.ts'

/** What a field contains that contains neither what it should nor nothing. */
export const ODD = Symbol('odd')

/**
 * Returns the text of a field that holds an identifier. Undefined if it is missing, null or empty, which mean the same: typed
 * languages write all three. A whole number stands for its digits, as long as it is exact.
 */
export function textOf(value: unknown): string | undefined | typeof ODD {
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value === 'string') return isIdentifier(value) ? value : ODD
  return typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : ODD
}

/** Returns a whole number from 1 to `max`, also if it is written in digits: the documents show both. */
export function wholeNumberOf(value: unknown, max: number): number | typeof ODD {
  const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isInteger(number) && number >= 1 && number <= max ? number : ODD
}

/** Reads the fields of a webhook's body, or of an entry of one of its lists, and collects what is wrong with them. */
export class Fields {
  readonly #fields: Readonly<Record<string, unknown>>
  readonly #problems: Problems
  /** The list that this is an entry of, and its index there; empty for a whole body. */
  readonly #list: string
  readonly #index: number

  constructor(
    fields: Readonly<Record<string, unknown>>,
    problems = new Problems(),
    { list = '', index = 0 } = {},
  ) {
    this.#fields = fields
    this.#problems = problems
    this.#list = list
    this.#index = index
  }

  /** Returns an identifier, which has to be there; undefined for anything else. */
  required(name: string): string | undefined {
    const text = textOf(this.#fields[name])
    return this.#check(name, text === undefined ? ODD : text)
  }

  /** Returns an identifier, or undefined for none. */
  optional(name: string): string | undefined {
    return this.#check(name, textOf(this.#fields[name]))
  }

  /** Whether there is something that is no identifier. */
  isOdd(name: string): boolean {
    return textOf(this.#fields[name]) === ODD
  }

  /** Returns a whole number from 1 to `max`, which has to be there; undefined for anything else. */
  number(name: string, max: number): number | undefined {
    const number = wholeNumberOf(this.#fields[name], max)
    if (number !== ODD) return number
    this.#problems.add(`"${this.#path}${name}" must be a whole number from 1 to ${max}`)
    return undefined
  }

  /** Returns a time in ms since 1970, which nobody wrote who wrote zero; undefined if there is none. */
  time(name: string, maxMs: number): number | undefined {
    const value = this.#fields[name]
    const isNone = value === undefined || value === null || value === '' || value === 0 || value === '0'
    return isNone ? undefined : this.number(name, maxMs)
  }

  /** Returns the entries of a list, which must have one at least. What is no object counts as an empty one. */
  list(name: string): readonly Fields[] {
    const list = this.#fields[name]
    const path = this.#path + name
    if (Array.isArray(list) && list.length > 0)
      return (list as unknown[]).map(
        (entry, index) => new Fields(isRecord(entry) ? entry : {}, this.#problems, { list: path, index }),
      )
    this.#problems.add(`"${path}" must be a list of at least one entry`)
    return []
  }

  /** What the names of fields begin with in problems. Made when there is one: most webhooks have none. */
  get #path(): string {
    return this.#list === '' ? '' : `${this.#list}[${this.#index}].`
  }

  /** Says what is wrong with the fields that were read. Undefined if nothing is. */
  get problems(): string | undefined {
    return this.#problems.text
  }

  #check(name: string, text: string | undefined | typeof ODD): string | undefined {
    if (text !== ODD) return text
    this.#problems.add(
      `"${this.#path}${name}" must be printable text of at most ${MAX_IDENTIFIER_BYTES} bytes`,
    )
    return undefined
  }
}

/** Problems that a reason names; the rest is only counted. */
const MAX_NAMED = 5

class Problems {
  readonly #named: string[] = []
  #others = 0

  add(problem: string): void {
    if (this.#named.length < MAX_NAMED) this.#named.push(problem)
    else this.#others++
  }

  /** Undefined without problems. */
  get text(): string | undefined {
    if (this.#named.length === 0) return undefined
    return this.#named.join('; ') + (this.#others > 0 ? `; and ${this.#others} more` : '')
  }
}
