import { createHmac, timingSafeEqual } from 'node:crypto'
import { deflateSync, inflateSync } from 'node:zlib'
import Joi from 'joi'
import { isIdentifier } from '../../shared/identifier.ts'

/** A UserSig has about 190 characters. */
const MAX_CHARACTERS = 2_048
/** Size of the document inside. A few characters can inflate to far more. */
const MAX_DOCUMENT_BYTES = 4_096
const MAX_CLOCK_SKEW_S = 60
/** Caps the lifetime that a UserSig claims for itself: it cannot be revoked. */
const MAX_LIFETIME_S = 31_536_000

/** The claims of a UserSig, which are signed line by line. */
interface Claims {
  readonly 'TLS.identifier': string
  readonly 'TLS.sdkappid': number
  /** Unix time of issue, in s. */
  readonly 'TLS.time': number
  /** Lifetime, in s. */
  readonly 'TLS.expire': number
}

interface Document extends Claims {
  readonly 'TLS.ver': string
  readonly 'TLS.sig': string
}

const documentSchema = Joi.object<Document & { 'TLS.userbuf': never }>({
  'TLS.ver': Joi.string().required(),
  'TLS.identifier': Joi.string()
    // The signed lines are not escaped: with a line feed in an identifier, one user's signature would fit another's claims.
    .custom((text: string, { error }) => (isIdentifier(text) ? text : error('any.invalid')))
    .required(),
  'TLS.sdkappid': Joi.number().integer().strict().required(),
  'TLS.time': Joi.number().integer().strict().min(0).required(),
  'TLS.expire': Joi.number().integer().strict().min(1).required(),
  'TLS.sig': Joi.string().required(),
  // Present in a permission for a TRTC room, which is signed the same way and does not prove an identity.
  'TLS.userbuf': Joi.forbidden(),
}).unknown()

interface VerifyOptions {
  readonly userId: string
  /** The app's `SdkAppid`, in digits. */
  readonly app: string
  /** The app's secret key from the Chat console. */
  readonly key: string
  readonly nowMs: number
}

interface Refusal {
  readonly refusal: string
  /** Present if it is signed with the key of the app, so that it is no guess. */
  readonly isSigned?: true
  /** Present if it was valid: until when, in ms since 1970. */
  readonly expiredAtMs?: number
  /** Present if it will be valid: in how many ms. */
  readonly retryInMs?: number
}

/**
 * Verifies a UserSig (TLSSigAPIv2). Returns when it expires, in ms since 1970, or why it is refused. Pure. The text is
 * malleable, so never use it as a key. Source: tencentyun/tls-sig-api-v2 and document 1047/34456.
 */
export function verifyUserSig(
  text: string,
  { userId, app, key, nowMs }: VerifyOptions,
): { readonly expiresAtMs: number } | Refusal {
  const document = decode(text)
  if (document === undefined) return { refusal: 'userSig is not well formed' }
  if (document['TLS.sdkappid'] !== Number(app)) return { refusal: 'userSig is for another app' }
  if (document['TLS.identifier'] !== userId) return { refusal: 'userSig is for another user' }
  const presented = Buffer.from(document['TLS.sig'], 'base64')
  const expected = signatureOf(document, key)
  if (presented.length !== expected.length || !timingSafeEqual(presented, expected))
    return { refusal: 'userSig is not signed with the key of the app' }
  const [issuedAtS, nowS] = [document['TLS.time'], nowMs / 1_000]
  const earlyS = issuedAtS - nowS - MAX_CLOCK_SKEW_S
  if (earlyS > 0)
    return { refusal: 'userSig is not valid yet', isSigned: true, retryInMs: Math.ceil(earlyS * 1_000) }
  const expiresAtMs = (issuedAtS + Math.min(document['TLS.expire'], MAX_LIFETIME_S)) * 1_000
  if (expiresAtMs <= nowMs)
    return { refusal: 'userSig has expired', isSigned: true, expiredAtMs: expiresAtMs }
  return { expiresAtMs }
}

interface SignOptions {
  readonly userId: string
  /** The app's `SdkAppid`, in digits. */
  readonly app: string
  /** The app's secret key from the Chat console. */
  readonly key: string
  readonly nowS: number
  readonly lifetimeS: number
}

/** Signs a UserSig (TLSSigAPIv2). Pure. Source: tencentyun/tls-sig-api-v2. */
export function signUserSig({ userId, app, key, nowS, lifetimeS }: SignOptions): string {
  const claims: Claims = {
    'TLS.identifier': userId,
    'TLS.sdkappid': Number(app),
    'TLS.time': nowS,
    'TLS.expire': lifetimeS,
  }
  return encode({ 'TLS.ver': '2.0', ...claims, 'TLS.sig': signatureOf(claims, key).toString('base64') })
}

function signatureOf(claims: Claims, key: string): Buffer {
  const lines = (['identifier', 'sdkappid', 'time', 'expire'] as const).map(
    (name) => `TLS.${name}:${claims[`TLS.${name}`]}\n`,
  )
  return createHmac('sha256', key).update(lines.join('')).digest()
}

const encode = (document: Document): string =>
  deflateSync(JSON.stringify(document))
    .toString('base64')
    .replaceAll('+', '*')
    .replaceAll('/', '-')
    .replaceAll('=', '_')

function decode(text: string): Document | undefined {
  if (text.length > MAX_CHARACTERS || !/^[A-Za-z0-9*_-]+$/.test(text)) return undefined
  const base64 = text.replaceAll('*', '+').replaceAll('-', '/').replaceAll('_', '=')
  try {
    const inflated = inflateSync(Buffer.from(base64, 'base64'), { maxOutputLength: MAX_DOCUMENT_BYTES })
    const { value, error } = documentSchema.validate(JSON.parse(inflated.toString()))
    return error === undefined ? value : undefined
  } catch {
    return undefined
  }
}
