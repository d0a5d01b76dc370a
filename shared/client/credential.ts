/** What a client shows: a JWT, or a UserSig of Tencent Cloud Chat. */
export type Credential = { readonly token: string } | { readonly userId: string; readonly userSig: string }

/** When a JWT says that it ends, in ms since 1970; undefined for anything else. Only good for asking for another in time. */
export function endOf(credential: Credential): number | undefined {
  if (!('token' in credential)) return undefined
  try {
    const payload = credential.token.split('.')[1] ?? ''
    const claims: unknown = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')))
    const end = typeof claims === 'object' && claims !== null && 'exp' in claims ? claims.exp : undefined
    return typeof end === 'number' && Number.isFinite(end) ? end * 1_000 : undefined
  } catch {
    return undefined
  }
}
