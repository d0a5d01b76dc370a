import { isRecord } from '../json.ts'
import { thrownText } from './thrown.ts'

/**
 * What a client authenticates with: a JWT that the app's backend signed, or a UserSig of Tencent Cloud Chat. A UserSig
 * identifies the user and grants no room by itself.
 */
export type Credential = { readonly token: string } | { readonly userId: string; readonly userSig: string }

/** There is no credential to send. The message does not repeat what there was instead. */
export class CredentialError extends TypeError {}

/** Why there is no credential, for people: what was thrown, shortened. */
export function credentialReason(error: unknown): string {
  if (error instanceof CredentialError) return error.message
  const failed = '`getToken` or `auth` failed'
  return error === undefined ? failed : `${failed}: ${thrownText(error)}`
}

/** The header, the payload and the signature of a JWT. */
const JWT = /^([\w-]+)\.([\w-]+)\.[\w-]+$/
/** Tencent's variant of base64. */
const USER_SIG = /^[\w*+/=-]+$/

/** When a JWT expires by its `exp`, in ms since 1970. Undefined for a UserSig, and for text that is not a JWT. */
export function expiryOf(credential: Credential): number | undefined {
  const exp = 'token' in credential ? claimsOf(credential.token)['exp'] : undefined
  return typeof exp === 'number' && Number.isFinite(exp) ? exp * 1_000 : undefined
}

/**
 * The claims of a JWT, unverified: only the gateway can tell whether they are true. Empty for text that is not a JWT.
 * Characters beyond ASCII come out garbled, because the payload is read byte by byte.
 */
export const claimsOf = (token: string): Readonly<Record<string, unknown>> =>
  decode(token.split('.')[1] ?? '') ?? {}

/** Not with `atob`, which React Native has only since 0.74. */
function decode(part: string): Record<string, unknown> | undefined {
  let text = ''
  let bits = 0
  let count = 0
  for (const character of part) {
    if (!/[\w-]/.test(character)) return undefined
    const code = character.charCodeAt(0)
    const value =
      character === '_' ? 63 : code > 96 ? code - 71 : code > 64 ? code - 65 : code > 47 ? code + 4 : 62
    bits = (bits << 6) | value
    count += 6
    if (count >= 8) text += String.fromCharCode((bits >> (count -= 8)) & 0xff)
  }
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Whether the first one is for another user, or another role, than the second. The claims are only compared, not believed. */
export function isForAnother(credential: Credential, inUse: Credential): boolean {
  if (userOf(credential) !== userOf(inUse)) return true
  if (!('token' in credential && 'token' in inUse)) return false
  return claimsOf(credential.token)['role'] !== claimsOf(inUse.token)['role']
}

const userOf = (credential: Credential): string =>
  'token' in credential ? String(claimsOf(credential.token)['sub']) : credential.userId

/** Whether a credential is the one in use, or one that was issued before it: a cache may have returned it. */
export function isNoNewer(credential: Credential, inUse: Credential): boolean {
  if (JSON.stringify(credential) === JSON.stringify(inUse)) return true
  if (!('token' in credential && 'token' in inUse)) return false
  const [claims, claimsInUse] = [claimsOf(credential.token), claimsOf(inUse.token)]
  for (const claim of ['iat', 'exp']) {
    const [time, timeInUse] = [claims[claim], claimsInUse[claim]]
    if (typeof time === 'number' && typeof timeInUse === 'number' && time !== timeInUse)
      return time < timeInUse
  }
  return false
}

/**
 * Returns how the client gets its credentials. The function throws a CredentialError for what cannot be one. Throws a TypeError
 * if there is no way to get any, or two, and for a fixed credential that cannot be sent.
 */
export function credentialOf(
  auth: Credential | (() => Credential | Promise<Credential>) | undefined,
  getToken: (() => string | Promise<string>) | undefined,
): () => Promise<Credential> {
  if (auth !== undefined && getToken !== undefined)
    throw new TypeError('a recall client takes `auth` or `getToken`, not both')
  if (getToken !== undefined && typeof getToken !== 'function')
    throw wrong('`getToken`', getToken, 'a function')
  if (getToken !== undefined)
    return async () => ({ token: checkToken(await getToken(), 'what `getToken` returned') })
  if (typeof auth === 'function') return async () => checkCredential(await auth())
  if (auth === undefined) throw new TypeError('a recall client needs `auth` or `getToken`')
  // Asking again would change nothing, so only what cannot be sent at all is refused here. The gateway judges the rest.
  const fixed = checkCredential(auth, (token) => token !== '')
  return async () => fixed
}

/** Returns what `ask` returns. Rejects if that takes longer, by default than 30 s: a person may have to log in. */
export async function inTime(ask: () => Promise<Credential>, ms = 30_000): Promise<Credential> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new CredentialError(`no credential within ${ms / 1_000} s`)), ms)
  })
  try {
    return await Promise.race([ask(), timeout])
  } finally {
    clearTimeout(timer)
  }
}

/** Returns only what a node reads: anything else may not even be JSON. */
function checkCredential(value: unknown, isToken = isJwt): Credential {
  if (!isRecord(value)) throw wrong('`auth`', value, '{ token } or { userId, userSig }')
  const { token, userId, userSig } = value
  if (userId === undefined && userSig === undefined)
    return { token: checkToken(token, '`token` of `auth`', isToken) }
  if (typeof userId !== 'string' || userId === '')
    throw wrong('`userId` of `auth`', userId, 'the id of a user')
  const trimmed = textOf(userSig)
  if (!USER_SIG.test(trimmed)) throw wrong('`userSig` of `auth`', userSig, 'a UserSig')
  return { userId, userSig: trimmed }
}

function checkToken(value: unknown, subject: string, isToken = isJwt): string {
  const token = textOf(value)
  if (isToken(token)) return token
  throw wrong(subject, value, 'a JWT')
}

const isJwt = (text: string): boolean => decode(JWT.exec(text)?.[1] ?? '') !== undefined

const textOf = (value: unknown): string => (typeof value === 'string' ? value.trim() : '')

const wrong = (subject: string, value: unknown, right: string): CredentialError =>
  new CredentialError(`${subject} is ${describe(value)} instead of ${right}`)

/** Says what a value is without repeating it: it may contain a secret. */
function describe(value: unknown): string {
  if (value === undefined || value === null) return String(value)
  if (isRecord(value) && typeof value['text'] === 'function') return 'a response, whose text() is needed,'
  if (isRecord(value) && 'token' in value) return 'an object with a token, which must be taken out of it,'
  if (typeof value !== 'string') return Array.isArray(value) ? 'an array' : `of type ${typeof value}`
  const text = value.trim()
  if (text === '') return 'an empty text'
  if (text.startsWith('<')) return 'HTML, such as a login or error page,'
  if (/^["[{]/.test(text)) return 'JSON with a token, which must be taken out of it,'
  if (/^bearer\s/i.test(text)) return 'text that begins with "Bearer",'
  if (text === 'undefined' || text === 'null') return `the text "${text}"`
  if (/^[\w-]+\.[\w-]+\.$/.test(text)) return 'a JWT without a signature'
  return `text of ${value.length} characters`
}
