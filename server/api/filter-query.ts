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

/** The values of all terms that name a single one with this key. What can be no name is in no log. */
const namesOf = ({ terms }: Filter, key: string): string[] =>
  terms.flatMap((term) => {
    if (term.excludes || term.key !== key || !('values' in term) || term.values.size !== 1) return []
    return [...term.values].filter(isIdentifier)
  })
