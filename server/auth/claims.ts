import { isIdentifier } from '../../shared/identifier.ts'
import { isRecord } from '../../shared/json.ts'
import { sortedPair } from '../../shared/conversation.ts'
import type { Conversation } from '../../shared/conversation.ts'
import type { Principal } from './principal.ts'
import { expired, quote, refused } from './refused.ts'

const MAX_GRANTS = 1_000
/**
 * How far the issuer's clock may be ahead, for `nbf`. There is none for `exp`: access ends when the app says. `iat` says
 * nothing about validity, and is not looked at.
 */
const CLOCK_SKEW_MS = 5_000
/** Times in ms since 1970 are above, times in s below until the year 5138. */
const MIN_MILLISECONDS = 100_000_000_000

const UTF_8 = new TextDecoder('utf-8', { fatal: true })

export interface ExpectedClaims {
  readonly issuer?: string | undefined
  readonly audience?: string | undefined
}

/**
 * Reads the claims of a token whose signature is valid. Throws TOKEN_REFUSED with the claim that is wrong, which can be
 * retried if the token only is not valid yet, or TOKEN_EXPIRED if that is all that is wrong. A claim that is null or empty
 * counts as missing.
 */
export function readClaims(payload: Uint8Array, { issuer, audience }: ExpectedClaims): Principal {
  const claims = parse(payload)
  const expiresAtMs = readExpiry(claims['exp'])
  checkStart(claims['nbf'])
  if (issuer !== undefined) checkIssuer(claims['iss'], issuer)
  if (audience !== undefined) checkAudience(claims['aud'], audience)
  // Identity providers have roles of their own, such as `authenticated`, which say nothing here.
  const role = claims['role'] === 'admin' ? 'admin' : 'member'
  const principal: Principal = {
    id: readSubject(claims['sub']),
    role,
    grants: readGrants(claims['rooms']),
    expiresAtMs,
  }
  // Last: another token of the same kind would be refused for what is wrong above.
  if (expiresAtMs <= Date.now()) throw expired(expiresAtMs)
  return principal
}

function parse(payload: Uint8Array): Readonly<Record<string, unknown>> {
  let claims: unknown
  try {
    claims = JSON.parse(UTF_8.decode(payload))
  } catch (cause) {
    throw refused('its claims are not JSON', { cause })
  }
  if (!isRecord(claims)) throw refused('its claims are not a JSON object')
  return claims
}

const isMissing = (value: unknown): boolean => value === undefined || value === null || value === ''

/** A time in s since 1970, which may have a fraction (RFC 7519, NumericDate); returns ms. */
function readTime(name: string, value: unknown): number {
  if (typeof value !== 'number') throw refused(`${name} must be a number, in seconds since 1970`)
  if (value >= MIN_MILLISECONDS) throw refused(`${name} must be in seconds since 1970, not in milliseconds`)
  return Math.floor(value * 1_000)
}

function readExpiry(exp: unknown): number {
  if (isMissing(exp)) throw refused('exp is missing')
  return readTime('exp', exp)
}

function checkStart(nbf: unknown): void {
  if (isMissing(nbf)) return
  const retryInMs = readTime('nbf', nbf) - CLOCK_SKEW_MS - Date.now()
  if (retryInMs > 0)
    throw refused(
      `it is not valid yet; its nbf is ${Math.ceil((retryInMs + CLOCK_SKEW_MS) / 1_000)} s ahead`,
      {
        retryInMs,
      },
    )
}

function checkIssuer(iss: unknown, issuer: string): void {
  if (isMissing(iss)) throw refused('iss is missing, and JWT_ISSUER requires it')
  // Providers differ in whether a final slash belongs to their URL, and who configures it seldom sees that.
  if (withoutSlash(String(iss)) !== withoutSlash(issuer))
    throw refused(`iss is ${quote(iss)}, which is not JWT_ISSUER`)
}

const withoutSlash = (url: string): string => (url.endsWith('/') ? url.slice(0, -1) : url)

function checkAudience(aud: unknown, audience: string): void {
  const audiences = isMissing(aud) ? [] : [aud].flat()
  if (audiences.length === 0) throw refused('aud is missing, and JWT_AUDIENCE requires it')
  if (!audiences.includes(audience))
    throw refused(`aud is ${quote(audiences.join(', '))}, which does not include JWT_AUDIENCE`)
}

function readSubject(sub: unknown): string {
  if (isMissing(sub)) throw refused('sub is missing')
  const id = readIdentifier(sub)
  if (id === undefined) throw refused('sub must be printable text of at most 256 bytes, or a whole number')
  return id
}

/** Returns the id of a user, which may be sent as a number; undefined for anything else. */
export function readIdentifier(value: unknown): string | undefined {
  const text = Number.isSafeInteger(value) ? String(value) : value
  return typeof text === 'string' && isIdentifier(text) ? text : undefined
}

function readGrants(rooms: unknown): Conversation[] {
  if (isMissing(rooms)) return []
  if (!Array.isArray(rooms) || rooms.length > MAX_GRANTS)
    throw refused(`rooms must be a list of at most ${MAX_GRANTS} grants, ${GRANT}`)
  return rooms.map(readGrant)
}

/** The forms of a grant, for people. */
const GRANT = '{ group, topic? }, { c2c: [user, user] } or { official }'

/** Strict: a misspelt `topic` would otherwise grant the whole group. */
function readGrant(grant: unknown, index: number): Conversation {
  const where = `rooms[${index}]`
  if (!isRecord(grant)) throw refused(`${where} must be ${GRANT}`)
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
