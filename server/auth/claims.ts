import { isIdentifier } from '../../shared/identifier.ts'
import { isRecord } from '../../shared/json.ts'
import { claimAt, formatClaimPath } from '../lib/claim-path.ts'
import { isAdmin, isUnverifiedEmail } from './claim-names.ts'
import type { ClaimNames } from './claim-names.ts'
import { readGrants } from './grants.ts'
import type { Principal } from './principal.ts'
import { whyNoAdmin } from './role-claim.ts'
import { expired, quote, refused } from './refused.ts'

/**
 * How far the issuer's clock may be ahead, for `nbf`. There is none for `exp`: access ends when the app says. `iat` says
 * nothing about validity, and is not looked at.
 */
const CLOCK_SKEW_MS = 5_000
/** Times in ms since 1970 are above, times in s below until the year 5138. */
const MIN_MILLISECONDS = 100_000_000_000

const UTF_8 = new TextDecoder('utf-8', { fatal: true })

export interface ExpectedClaims {
  /** Any of these; without them, any at all. */
  readonly issuers?: readonly string[] | undefined
  readonly audiences?: readonly string[] | undefined
  readonly names?: ClaimNames | undefined
}

/**
 * Reads the claims of a token whose signature is valid. Throws TOKEN_REFUSED with the claim that is wrong, which can be
 * retried if the token only is not valid yet, or TOKEN_EXPIRED if that is all that is wrong. A claim that is null or empty
 * counts as missing.
 */
export function readClaims(
  payload: Uint8Array,
  { issuers = [], audiences = [], names = {} }: ExpectedClaims,
): Principal {
  const claims = parse(payload)
  const expiresAtMs = readExpiry(claims['exp'])
  checkStart(claims['nbf'])
  if (issuers.length > 0) checkIssuer(claims['iss'], issuers)
  if (audiences.length > 0) checkAudience(claims['aud'], audiences)
  // Identity providers have roles of their own, such as `authenticated`, which say nothing here.
  const role = isAdmin(claims, names) ? 'admin' : 'member'
  const roleClaim = role === 'admin' ? undefined : whyNoAdmin(claims, names)
  const principal: Principal = {
    id: readSubject(claims, names),
    role,
    ...(roleClaim && { roleClaim }),
    grants: readGrants(claimAt(claims, names.rooms ?? ['rooms']), names.rooms),
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

function checkIssuer(iss: unknown, issuers: readonly string[]): void {
  if (isMissing(iss)) throw refused('iss is missing, and JWT_ISSUER requires it')
  // Providers differ in whether a final slash belongs to their URL, and who configures it seldom sees that.
  if (!issuers.some((issuer) => withoutSlash(String(iss)) === withoutSlash(issuer)))
    throw refused(`iss is ${quote(iss)}, which is not JWT_ISSUER`)
}

const withoutSlash = (url: string): string => (url.endsWith('/') ? url.slice(0, -1) : url)

function checkAudience(aud: unknown, audiences: readonly string[]): void {
  const named: readonly unknown[] = isMissing(aud) ? [] : [aud].flat()
  if (named.length === 0) throw refused('aud is missing, and JWT_AUDIENCE requires it')
  if (!audiences.some((audience) => named.includes(audience)))
    throw refused(`aud is ${quote(named.join(', '))}, which does not include JWT_AUDIENCE`)
}

function readSubject(claims: object, { sub: path = ['sub'] }: ClaimNames): string {
  const sub = claimAt(claims, path)
  const name = formatClaimPath(path)
  if (isMissing(sub)) throw refused(`${name} is missing`)
  // Anybody can give an address that is not their own.
  if (isUnverifiedEmail(claims, path)) throw refused(`${name} is not verified (email_verified)`)
  const id = readIdentifier(sub)
  if (id === undefined)
    throw refused(`${name} must be printable text of at most 256 bytes, or a whole number`)
  return id
}

/** Returns the id of a user, which may be sent as a number; undefined for anything else. */
export function readIdentifier(value: unknown): string | undefined {
  const text = Number.isSafeInteger(value) ? String(value) : value
  return typeof text === 'string' && isIdentifier(text) ? text : undefined
}
