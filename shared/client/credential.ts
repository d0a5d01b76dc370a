import { isRecord } from '../json.ts'

/** What a client shows: a JWT, or a UserSig of Tencent Cloud Chat. */
export type Credential = { readonly token: string } | { readonly userId: string; readonly userSig: string }

/** When a JWT says that it ends, in ms since 1970; undefined for anything else. Only good for asking for another in time. */
export function endOf(credential: Credential): number | undefined {
  const end = 'token' in credential ? claimsOf(credential.token)['exp'] : undefined
  return typeof end === 'number' && Number.isFinite(end) ? end * 1_000 : undefined
}

/** The claims of a JWT, not verified; none for any other text. Only the gateway can tell whether they are true. */
export function claimsOf(token: string): Readonly<Record<string, unknown>> {
  try {
    const payload = token.split('.')[1] ?? ''
    const claims: unknown = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')))
    return isRecord(claims) ? claims : {}
  } catch {
    return {}
  }
}
