import { isRecord } from '../json.ts'

/**
 * What a client authenticates with: a JWT that the app's backend signed, or a UserSig of Tencent Cloud Chat. A UserSig
 * identifies the user and grants no room by itself.
 */
export type Credential = { readonly token: string } | { readonly userId: string; readonly userSig: string }

/** When a JWT expires by its `exp`, in ms since 1970. Undefined for a UserSig, and for text that is not a JWT. */
export function expiryOf(credential: Credential): number | undefined {
  const exp = 'token' in credential ? claimsOf(credential.token)['exp'] : undefined
  return typeof exp === 'number' && Number.isFinite(exp) ? exp * 1_000 : undefined
}

/**
 * The claims of a JWT, unverified: only the gateway can tell whether they are true. Empty for text that is not a JWT.
 * Characters beyond ASCII come out garbled, because the payload is read byte by byte.
 */
export function claimsOf(token: string): Readonly<Record<string, unknown>> {
  try {
    const payload = token.split('.')[1] ?? ''
    const claims: unknown = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')))
    return isRecord(claims) ? claims : {}
  } catch {
    return {}
  }
}

/** Returns how the client gets its credentials. Throws a TypeError if there is no way, or if there are two. */
export function credentialOf(
  auth: Credential | (() => Credential | Promise<Credential>) | undefined,
  getToken: (() => string | Promise<string>) | undefined,
): () => Credential | Promise<Credential> {
  if (auth !== undefined && getToken !== undefined)
    throw new TypeError('a recall client takes `auth` or `getToken`, not both')
  if (getToken !== undefined) return async () => ({ token: await getToken() })
  if (typeof auth === 'function') return auth
  if (auth !== undefined) return () => auth
  throw new TypeError('a recall client needs `auth` or `getToken`')
}
