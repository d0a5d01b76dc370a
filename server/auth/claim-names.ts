import type { Conversation } from '../../shared/conversation.ts'
import { isRecord } from '../../shared/json.ts'
import { claimAt } from '../lib/claim-path.ts'
import type { ClaimPath } from '../lib/claim-path.ts'

/** Which claims of a token say who a user is. Without names, those of the gateway: `sub`, `role` and `rooms`. */
export interface ClaimNames {
  readonly sub?: ClaimPath | undefined
  readonly role?: ClaimPath | undefined
  /** Values of the role, each of which makes an admin; without any, `admin`. */
  readonly adminValues?: readonly string[] | undefined
  readonly rooms?: ClaimPath | undefined
}

const ADMIN = 'admin'
/** Of OAuth: many values in one text, separated by blanks (RFC 6749, 3.3). No other text is divided: `former admin` is none. */
const SCOPES = ['scope', 'scp']

/**
 * Whether the token makes its user an admin: if one of its roles equals one of the values, letter by letter. A role is a text, an entry
 * of a list, a part of a `scope`, or `true`, for claims such as `is_admin`. Without any settings, only the text `admin` counts.
 */
export function isAdmin(claims: object, { role, adminValues = [] }: ClaimNames): boolean {
  if (role === undefined && adminValues.length === 0) return claimAt(claims, ['role']) === ADMIN
  const path = role ?? ['role']
  // Anybody can give an address that is not their own.
  if (isUnverifiedEmail(claims, path, { ifUnsaid: true })) return false
  const wanted = wantedRoles(adminValues)
  return textsOf(claimAt(claims, path), path).some((text) => wanted.includes(text))
}

/** Returns the roles that make an admin. */
export const wantedRoles = (adminValues: readonly string[]): readonly string[] =>
  adminValues.length === 0 ? [ADMIN] : adminValues

/** Returns the texts that a claim consists of. Numbers and objects are none. */
export function textsOf(claim: unknown, path: ClaimPath): string[] {
  const list: unknown[] = Array.isArray(claim) ? claim : [claim]
  const isScope = SCOPES.includes(path.at(-1) ?? '')
  return list.flatMap((item) => {
    if (item === true) return 'true'
    if (typeof item !== 'string' || item === '') return []
    return isScope ? item.split(' ').filter((part) => part !== '') : item
  })
}

/** Whether the claim is an address that the provider has not verified. `ifUnsaid`: what to return if it does not say. */
export function isUnverifiedEmail(
  claims: object,
  path: ClaimPath,
  { ifUnsaid }: { readonly ifUnsaid: boolean } = { ifUnsaid: false },
): boolean {
  if (!isEmail(path)) return false
  const isVerified = claimAt(claims, ['email_verified'])
  if (isVerified === true || isVerified === 'true') return false
  return isVerified === undefined ? ifUnsaid : true
}

const isEmail = (path: ClaimPath): boolean => path.length === 1 && path[0] === 'email'

/** Returns the claims by which a gateway with these names recognizes a user. */
export function namedClaims(
  user: { readonly id: string; readonly role: 'admin' | 'member'; readonly rooms: readonly Conversation[] },
  { sub, role, adminValues = [], rooms }: ClaimNames,
): Readonly<Record<string, unknown>> {
  const claims: Record<string, unknown> = { sub: user.id }
  put(claims, sub ?? ['sub'], user.id)
  const [admin = ADMIN] = adminValues
  if (user.role === 'admin') {
    put(claims, role ?? ['role'], admin === 'true' ? true : admin)
    if (role !== undefined && isEmail(role)) claims['email_verified'] = true
  } else if (role === undefined) claims['role'] = 'member'
  if (user.rooms.length > 0) put(claims, rooms ?? ['rooms'], user.rooms)
  return claims
}

function put(claims: Record<string, unknown>, path: ClaimPath, value: unknown): void {
  let place = claims
  for (const name of path.slice(0, -1)) {
    const next: unknown = Object.hasOwn(place, name) ? place[name] : undefined
    const inner: Record<string, unknown> = isRecord(next) ? next : {}
    place[name] = inner
    place = inner
  }
  place[path.at(-1) ?? ''] = value
}
