import { sortedPair } from '../../shared/conversation.ts'
import type { Conversation } from '../../shared/conversation.ts'
import { isIdentifier } from '../../shared/identifier.ts'
import { isRecord } from '../../shared/json.ts'
import { formatClaimPath } from '../lib/claim-path.ts'
import type { ClaimPath } from '../lib/claim-path.ts'
import { textsOf } from './claim-names.ts'
import { quote, refused } from './refused.ts'

const MAX_GRANTS = 1_000
/** The forms of a grant, for people. */
const GRANT = '{ group, topic? }, { c2c: [user, user] } or { official }'
const TEXTS = 'group:…, topic:<group>/<topic>, c2c:<user>/<user> or official:…'

const isMissing = (value: unknown): boolean => value === undefined || value === null || value === ''

/**
 * Reads the rooms that a token grants: a list of grants, each an object or a text such as `group:lobby`. A claim that the app has named
 * (`path`) may be one of an identity provider with other values, which grant nothing; in `rooms`, they are a mistake. Throws
 * TOKEN_REFUSED for a grant that is not understood, or half of it: a misspelt `topic` would otherwise grant the whole group.
 */
export function readGrants(claim: unknown, path: ClaimPath | undefined): Conversation[] {
  if (isMissing(claim)) return []
  const name = path === undefined ? 'rooms' : formatClaimPath(path)
  const list: unknown = path !== undefined && typeof claim === 'string' ? textsOf(claim, path) : claim
  if (!Array.isArray(list) || list.length > MAX_GRANTS)
    throw refused(`${name} must be a list of at most ${MAX_GRANTS} grants, ${GRANT}`)
  return list.flatMap((grant: unknown, i) => {
    const where = `${name}[${i}]`
    if (typeof grant === 'string') {
      const read = readText(where, grant)
      if (read !== undefined || path !== undefined) return read ?? []
    }
    return readGrant(where, grant)
  })
}

/** Returns undefined for a text that is no grant at all. */
function readText(where: string, text: string): Conversation | undefined {
  const [, kind, rest = ''] = /^(group|topic|c2c|official):(.*)$/s.exec(text) ?? []
  if (kind === undefined) return undefined
  // A name may contain a slash, and then only the object says what is meant.
  const [one = '', other = '', ...more] = kind === 'group' || kind === 'official' ? [rest] : rest.split('/')
  const isPair = kind === 'topic' || kind === 'c2c'
  if (!isIdentifier(one) || more.length > 0 || (isPair && !isIdentifier(other)))
    throw refused(`${where} is ${quote(text)}, which is none of ${TEXTS}`)
  if (kind === 'c2c') return { c2c: sortedPair([one, other]) }
  if (kind === 'official') return { official: one }
  return kind === 'topic' ? { group: one, topic: other } : { group: one }
}

function readGrant(where: string, grant: unknown): Conversation {
  if (!isRecord(grant)) throw refused(`${where} must be ${GRANT}, or a text: ${TEXTS}`)
  const { group, topic, c2c, official, ...others } = grant
  const [unknown] = Object.keys(others)
  if (unknown !== undefined)
    throw refused(`${where} has the unknown key ${quote(unknown)}; a grant is ${GRANT}`)
  if (isMissing(c2c) && isMissing(official)) return readGroupGrant(where, group, topic)
  // A key more could mean anything: half of the grant, or two.
  if ([group, topic, c2c, official].filter((part) => !isMissing(part)).length > 1)
    throw refused(`${where} must be one of ${GRANT}, not several at once`)
  return isMissing(c2c) ? readOfficialGrant(where, official) : readC2cGrant(where, c2c)
}

/** The two users, in any order. */
function readC2cGrant(where: string, c2c: unknown): Conversation {
  const [one, other] = Array.isArray(c2c) && c2c.length === 2 ? (c2c as unknown[]) : []
  if (typeof one !== 'string' || !isIdentifier(one) || typeof other !== 'string' || !isIdentifier(other))
    throw refused(`${where}.c2c must be a list of two users, each printable text`)
  return { c2c: sortedPair([one, other]) }
}

function readOfficialGrant(where: string, official: unknown): Conversation {
  if (typeof official !== 'string' || !isIdentifier(official))
    throw refused(`${where}.official must be printable text`)
  return { official }
}

function readGroupGrant(where: string, group: unknown, topic: unknown): Conversation {
  if (typeof group !== 'string' || !isIdentifier(group))
    throw refused(`${where}.group must be printable text`)
  if (isMissing(topic)) return { group }
  if (typeof topic !== 'string' || !isIdentifier(topic))
    throw refused(`${where}.topic must be printable text`)
  return { group, topic }
}
