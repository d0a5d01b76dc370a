import type { MemberNotice, Notice } from '../notice.ts'
import type { Recall } from '../recall.ts'
import type { Filter, SeqRange, Term, TimeTerm, ValueKey } from './term.ts'

/** Anything that a filter can be asked of. What members do not see is missing in theirs: no such term holds then. */
type Filtered = Recall | Notice | MemberNotice

/** Returns whether all terms of the filter hold for the recall. */
export function matches({ terms }: Filter, recall: Filtered): boolean {
  const named = new MessageNames(recall)
  return terms.every((term) => holds(term, recall, named) !== term.excludes)
}

/**
 * By which words the messages of a recall are found, in lower case. They are collected once for all terms: there may be a thousand
 * messages and fifty terms.
 */
class MessageNames {
  readonly #recall: Filtered
  #names: ReadonlySet<string> | undefined

  constructor(recall: Filtered) {
    this.#recall = recall
  }

  hasAny(words: ReadonlySet<string>): boolean {
    this.#names ??= new Set(
      this.#recall.messages.flatMap(({ seq, key, id }) => [
        key === undefined ? String(seq) : key.toLowerCase(),
        ...(id === undefined ? [] : [id.toLowerCase()]),
      ]),
    )
    for (const word of words) if (this.#names.has(word)) return true
    return false
  }
}

function holds(term: Term, recall: Filtered, named: MessageNames): boolean {
  if ('ranges' in term)
    return recall.messages.some(({ seq }) => seq !== undefined && isInRanges(term.ranges, seq))
  if ('values' in term) {
    if (term.key === 'word') return hasWord(term.values, recall, named)
    return valuesOf(term.key, recall).some((value) => value !== undefined && term.values.has(value))
  }
  if (term.key === 'recalled') return isWithin(term, recall.recalledAtMs)
  return 'receivedAtMs' in recall && isWithin(term, recall.receivedAtMs)
}

const isWithin = ({ fromMs = -Infinity, beforeMs = Infinity }: TimeTerm, atMs: number): boolean =>
  fromMs <= atMs && atMs < beforeMs

/** The ranges are in order. */
function isInRanges(ranges: readonly SeqRange[], seq: number): boolean {
  let [low, high] = [0, ranges.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ranges[middle]?.last ?? Infinity) < seq) low = middle + 1
    else high = middle
  }
  return (ranges[low]?.first ?? Infinity) <= seq
}

/** The console asks this of ten thousand rows with each key that is pressed: the messages, of which there may be many, come last. */
function hasWord(words: ReadonlySet<string>, recall: Filtered, named: MessageNames): boolean {
  const { group, topic, c2c, official } = recall
  if (isNamed(words, group) || isNamed(words, topic) || isNamed(words, official)) return true
  if (c2c?.some((user) => isNamed(words, user))) return true
  if ('receivedAtMs' in recall && (isNamed(words, recall.operator) || isNamed(words, recall.sender)))
    return true
  return named.hasAny(words)
}

function isNamed(words: ReadonlySet<string>, name: string | undefined): boolean {
  if (name === undefined) return false
  const lower = name.toLowerCase()
  for (const word of words) if (lower.includes(word)) return true
  return false
}

type Values = readonly (string | undefined)[]

const valuesOf = (key: ValueKey, recall: Filtered): Values =>
  VALUES[key](recall, 'receivedAtMs' in recall ? recall : {})

/** Returns what the recall has under a key. What members do not see is taken from `whole`, which is empty for them. */
const VALUES: Readonly<Record<ValueKey, (recall: Filtered, whole: Partial<Recall>) => Values>> = {
  group: ({ group }) => [group],
  topic: ({ topic }) => [topic],
  operator: (_recall, { operator }) => [operator],
  sender: (_recall, { sender }) => [sender],
  c2c: ({ c2c = [] }) => c2c,
  official: ({ official }) => [official],
  msgid: ({ messages }) => messages.map(({ id, key }) => id ?? key),
  kind: (recall) => [kindOf(recall)],
  type: (_recall, { groupType }) => [groupType?.toLowerCase()],
  is: (_recall, { test }) => [test === true ? 'test' : undefined],
}

function kindOf({ group, c2c }: Filtered): string {
  if (group !== undefined) return 'group'
  return c2c === undefined ? 'official' : 'c2c'
}
