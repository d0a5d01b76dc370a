import { loadToken, takeSignIn } from './storage.ts'

/** Longer texts of a sign-in page are cut. */
const MAX_ERROR_CHARACTERS = 200

/** With what somebody has come to the page, or back to it. */
export interface Arrival {
  readonly token: string | undefined
  /** The token has come with the address, and not out of the storage of this tab. */
  readonly isNew: boolean
  /** Whether this tab had gone to the sign-in page of the app, or may be one that another tab has opened for that. */
  readonly signIn: 'here' | 'in another tab' | undefined
  /** What the sign-in page reports instead of a token. */
  readonly error: string | undefined
  /** The address held a token or an error. */
  readonly isFromAddress: boolean
}

/** What a sign-in page may add to the address. */
const ADDED = ['token', 'error', 'error_description']

/**
 * Takes what the address's fragment brings: a token, or the error of a sign-in page. Removes it from the address bar immediately, so
 * that nobody copies it along with the address; whatever else the fragment says stays. Without any, returns the token saved for this tab.
 */
export function takeArrival(): Arrival {
  const fragment = location.hash.slice(1)
  const [view = '', query] = fragment.includes('?') ? fragment.split(/\?(.*)/s) : ['', fragment]
  const parts = new URLSearchParams(query)
  const token = parts.get('token')
  const error = parts.get('error_description') ?? parts.get('error')
  const saved = loadToken()
  if (token === null && error === null)
    return { token: saved, isNew: false, signIn: undefined, error: undefined, isFromAddress: false }
  for (const name of ADDED) parts.delete(name)
  const rest = parts.size === 0 ? view : `${view}?${parts.toString()}`
  history.replaceState(null, '', location.pathname + location.search + (rest === '' ? '' : `#${rest}`))
  const isNew = token !== null && token !== ''
  return {
    token: isNew ? token : saved,
    isNew,
    signIn: takeSignIn(),
    error: isNew ? undefined : (error ?? '').slice(0, MAX_ERROR_CHARACTERS),
    isFromAddress: true,
  }
}
