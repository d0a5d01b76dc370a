/** What a filter asks for. Empty: every recall. */
export interface Filter {
  /** All of them must hold. */
  readonly terms: readonly Term[]
}

/** One condition. `excludes`: it must not hold. */
export type Term = { readonly excludes: boolean } & (ValueTerm | WordTerm | SeqTerm | TimeTerm)

/** The field has one of the values. */
interface ValueTerm {
  readonly key: ValueKey
  readonly values: ReadonlySet<string>
}

/** A name contains one of the words, whatever the case; or a message has one of them as its `MsgId`, `MsgKey` or seq. */
interface WordTerm {
  readonly key: 'word'
  /** In lower case. */
  readonly values: ReadonlySet<string>
}

/** A message has a seq in one of the ranges. */
interface SeqTerm {
  readonly key: 'seq'
  /** In order, without overlap. */
  readonly ranges: readonly SeqRange[]
}

export interface SeqRange {
  readonly first: number
  /** Included. */
  readonly last: number
}

/** The time is in a range that is open on one side. */
export type TimeTerm = {
  readonly key: 'recalled' | 'received'
} & (
  | {
      /** In ms since 1970, included. */
      readonly fromMs: number
      readonly beforeMs?: undefined
    }
  | {
      readonly fromMs?: undefined
      /** In ms since 1970, excluded. */
      readonly beforeMs: number
    }
)

export type ValueKey = (typeof VALUE_KEYS)[number]

export const VALUE_KEYS = [
  'group',
  'topic',
  'operator',
  'sender',
  'c2c',
  'official',
  'msgid',
  'kind',
  'type',
  'is',
] as const

/** Of keys whose values are a fixed set. */
export const FIXED_VALUES: Readonly<Partial<Record<ValueKey, readonly string[]>>> = {
  kind: ['group', 'c2c', 'official'],
  is: ['test'],
}
