import Joi from 'joi'
import { sortedPair } from '../../shared/conversation.ts'
import { GatewayError } from '../../shared/errors.ts'
import { FILTER_PROBLEMS, parseFilter } from '../../shared/filter.ts'
import type { Filter } from '../../shared/filter.ts'
import { isIdentifier } from '../../shared/identifier.ts'
import type { Room } from '../../shared/room.ts'

/** The parameter `q`: a filter. Without it, every recall. */
export const filterText = Joi.string().empty('').default('')

/** Throws REQUEST_MALFORMED naming the term that is wrong. */
export function toFilter(text: string): Filter {
  const parsed = parseFilter(text)
  if (parsed.ok) return parsed.filter
  throw new GatewayError('REQUEST_MALFORMED', `"q": ${parsed.term}: ${FILTER_PROBLEMS[parsed.problem]}`)
}

/** Returns the room that carries everything that the filter can find, if it names exactly one conversation. */
export function roomNamedBy(filter: Filter): Room | undefined {
  const [group] = namesOf(filter, 'group')
  const [topic] = namesOf(filter, 'topic')
  const [official] = namesOf(filter, 'official')
  const [one, other] = new Set(namesOf(filter, 'c2c'))
  if (group !== undefined) return topic === undefined ? { group } : { group, topic }
  if (official !== undefined) return { official }
  return one !== undefined && other !== undefined ? { c2c: sortedPair([one, other]) } : undefined
}

/** Each costs some reads for each search that has come to the end of the feed. */
const MAX_ROOMS_MEANT = 4

/**
 * Returns rooms that carry what the filter may find, if it names no single one: `group:a,b` means two, and a bare word the group of that
 * name, if there is one. `areAll`: it can find nothing elsewhere.
 */
export function roomsMeantBy(filter: Filter): { readonly rooms: readonly Room[]; readonly areAll: boolean } {
  if (roomNamedBy(filter) !== undefined) return { rooms: [], areAll: true }
  for (const term of filter.terms) {
    if (term.excludes || !('values' in term) || term.values.size > MAX_ROOMS_MEANT) continue
    const { key, values } = term
    if (key !== 'group' && key !== 'official') continue
    const names = [...values].filter(isIdentifier)
    return {
      rooms: names.map((name) => (key === 'group' ? { group: name } : { official: name })),
      areAll: true,
    }
  }
  const words = filter.terms.flatMap((term) =>
    !term.excludes && term.key === 'word' ? [...term.values].filter(isIdentifier) : [],
  )
  return { rooms: words.slice(0, MAX_ROOMS_MEANT).map((group) => ({ group })), areAll: false }
}

/** The values of all terms that name a single one with this key. What can be no name is in no log. */
const namesOf = ({ terms }: Filter, key: string): string[] =>
  terms.flatMap((term) => {
    if (term.excludes || term.key !== key || !('values' in term) || term.values.size !== 1) return []
    return [...term.values].filter(isIdentifier)
  })
