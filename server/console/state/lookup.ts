import type { Conversation } from '../../../shared/conversation.ts'
import { quoteValue } from '../../../shared/filter.ts'
import type { MessageName, RecalledAt } from '../../../shared/message.ts'
import type { Api } from './api.ts'
import { placeOf } from './open-recall.ts'
import type { RecallPlace } from './place.ts'
import type { Search } from './search.ts'

/** How many messages the gateway tells of per request. */
export const MAX_LOOKED_UP = 1_000

export interface Lookup {
  readonly conversation: Conversation
  /** In the order in which they were asked for: those of a range, or the keys that were entered. */
  readonly names: readonly MessageName[]
  readonly recalled: readonly RecalledAt[]
  /** By the gateway's clock. */
  readonly readAtMs: number
}

/** Returns the names that the text stands for: `130-140` or `130` in a group, keys separated by commas elsewhere. */
export function namesIn(conversation: Conversation, text: string): readonly MessageName[] | undefined {
  if (conversation.group === undefined) {
    const keys = [...new Set(text.split(',').filter((key) => key !== ''))]
    return keys.length > 0 && keys.length <= MAX_LOOKED_UP ? keys : undefined
  }
  const [, from, to = from] = /^(\d{1,16})(?:-(\d{1,16}))?$/.exec(text) ?? []
  const [first, last] = [Number(from), Number(to)]
  if (!(first >= 1 && last >= first && last <= Number.MAX_SAFE_INTEGER)) return undefined
  return last - first < MAX_LOOKED_UP
    ? Array.from({ length: last - first + 1 }, (_, i) => first + i)
    : undefined
}

/** Asks which of the messages are recalled. Rejects with an `ApiError`. */
export async function lookUp(
  api: Api,
  conversation: Conversation,
  names: readonly MessageName[],
): Promise<Lookup> {
  const [first, last] = [names[0], names.at(-1)]
  const keys = names.filter((name) => typeof name === 'string')
  const { recalled } = await api.recalled(conversation, keys.length > 0 ? keys : `${first}-${last}`)
  return { conversation, names, recalled, readAtMs: api.clock.fromViewer(Date.now()) }
}

/** The terms that name a conversation. */
export function conversationTerms({ group, topic, c2c, official }: Conversation): readonly string[] {
  if (c2c !== undefined) return c2c.map((user) => `c2c:${quoteValue(user)}`)
  if (official !== undefined) return [`official:${quoteValue(official)}`]
  return [`group:${quoteValue(group)}`, ...(topic === undefined ? [] : [`topic:${quoteValue(topic)}`])]
}

/** The search that finds who recalled the messages. */
export function searchFor({ conversation, names }: Lookup): string {
  const keys = names.filter((name) => typeof name === 'string')
  const [first, last] = [names[0], names.at(-1)]
  const which =
    keys.length > 0
      ? `msgid:${keys.map(quoteValue).join(',')}`
      : `seq:${first === last ? String(first) : `${String(first)}-${String(last)}`}`
  return [...conversationTerms(conversation), which].join(' ')
}

/** Consecutive messages that were recalled at once, by the same. */
export interface Recalled {
  readonly first: MessageName
  readonly last: MessageName
  readonly atMs: number
  /** The recall, or the first of them; undefined as long as no log that is kept has told it. */
  readonly place: RecallPlace | undefined
  /** Undefined if no log that is kept says so, or none has yet. */
  readonly operator: string | undefined
  /** Whether it was made to test the gateway, as far as a log that is kept says so. */
  readonly isTest: boolean
}

/** Returns who recalled what, as far as the search has found it. */
export function recalledBy({ recalled }: Lookup, search: Search | undefined): readonly Recalled[] {
  const known = new Map<string, Pick<Recalled, 'operator' | 'isTest' | 'place'>>()
  for (const { row } of search?.hits ?? []) {
    const { notice } = row
    for (const { seq, key } of notice.messages) {
      const name = `${notice.recalledAtMs} ${seq ?? key}`
      const operator = 'operator' in notice ? notice.operator : undefined
      known.set(name, { operator, isTest: 'test' in notice, place: placeOf(row) })
    }
  }
  const runs: Recalled[] = []
  for (const { seq, key, atMs } of recalled) {
    const name = seq ?? key
    const { operator, isTest = false, place } = known.get(`${atMs} ${name}`) ?? {}
    const run = runs.at(-1)
    const follows = run !== undefined && typeof run.last === 'number' && name === run.last + 1
    if (follows && run.atMs === atMs && run.operator === operator && run.isTest === isTest)
      runs[runs.length - 1] = { ...run, last: name }
    else runs.push({ first: name, last: name, atMs, operator, isTest, place })
  }
  return runs
}
