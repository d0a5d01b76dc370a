import { tabStorage } from './storage.ts'

const KEY = 'token'

/**
 * The token from the fragment of the address, otherwise the one kept for this tab. It leaves the address bar at once, so
 * that no one copies it along with the address.
 */
export function takeToken(): string | undefined {
  const token = new URLSearchParams(location.hash.slice(1)).get('token')
  if (token !== null) {
    history.replaceState(null, '', location.pathname + location.search)
    keepToken(token)
  }
  return tabStorage.get(KEY) || undefined
}

/** Keeps the token until the tab is closed. */
export const keepToken = (token: string): void => tabStorage.set(KEY, token)

/** With all else that this tab remembers of what the token let one see. */
export const forgetToken = (): void => tabStorage.clear()

/** Whether the token says it is an administrator's: only good for choosing what to show first, the gateway decides. */
export function claimsAdmin(token: string): boolean {
  try {
    const payload = token.split('.')[1] ?? ''
    const claims: unknown = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')))
    return typeof claims === 'object' && claims !== null && 'role' in claims && claims.role === 'admin'
  } catch {
    return false
  }
}
