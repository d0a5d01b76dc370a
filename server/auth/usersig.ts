import { createHmac, timingSafeEqual } from 'node:crypto'
import { inflateSync, deflateSync } from 'node:zlib'
import Joi from 'joi'
import { isIdentifier } from '../../shared/identifier.ts'

/** A UserSig has about 190 characters. */
const MAX_TEXT_CHARACTERS = 2_048
/** Of the document inside; far more can be packed into few characters. */
const MAX_DOCUMENT_BYTES = 4_096
const MAX_CLOCK_SKEW_S = 60
/** However long a UserSig says that it lasts: nothing else ends it. */
const MAX_LIFETIME_S = 31_536_000

interface Document {
  readonly 'TLS.ver': string
  readonly 'TLS.identifier': string
  readonly 'TLS.sdkappid': number
  readonly 'TLS.time': number
  readonly 'TLS.expire': number
  readonly 'TLS.sig': string
}

const documentSchema = Joi.object<Document & { 'TLS.userbuf': never }>({
  'TLS.ver': Joi.string().required(),
  'TLS.identifier': Joi.string()
    // The signed lines are not escaped: a line feed in an identifier would let one sign for another.
    .custom((text: string, { error }) => (isIdentifier(text) ? text : error('any.invalid')))
    .required(),
  'TLS.sdkappid': Joi.number().integer().strict().required(),
  'TLS.time': Joi.number().integer().strict().min(0).required(),
  'TLS.expire': Joi.number().integer().strict().min(1).required(),
  'TLS.sig': Joi.string().required(),
  // A right to a TRTC room is signed in the same way, and is no proof of who one is.
  'TLS.userbuf': Joi.forbidden(),
}).unknown()

interface UserSigCheck {
  readonly userId: string
  /** The app, in digits. */
  readonly app: string
  /** The app's secret key of the Chat console. */
  readonly key: string
  readonly nowMs: number
}

/**
 * Verifies a UserSig (TLSSigAPIv2): when it ends, in ms since 1970, or why it proves nothing. Pure. The text is malleable,
 * so it must never be a key of anything. Source: tencentyun/tls-sig-api-v2 and document 1047/34456.
 */
export function verifyUserSig(
  text: string,
  { userId, app, key, nowMs }: UserSigCheck,
): { readonly expiresAtMs: number } | { readonly refusal: string } {
  const document = read(text)
  if (document === undefined) return { refusal: 'userSig is not well formed' }
  if (document['TLS.sdkappid'] !== Number(app)) return { refusal: 'userSig is for another app' }
  if (document['TLS.identifier'] !== userId) return { refusal: 'userSig is for another user' }
  const given = Buffer.from(document['TLS.sig'], 'base64')
  const expected = createHmac('sha256', key).update(signedText(document)).digest()
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    return { refusal: 'userSig is not signed with the key of the app' }
  const [fromS, nowS] = [document['TLS.time'], nowMs / 1_000]
  if (fromS > nowS + MAX_CLOCK_SKEW_S) return { refusal: 'userSig is not valid yet' }
  const endS = fromS + Math.min(document['TLS.expire'], MAX_LIFETIME_S)
  return endS <= nowS ? { refusal: 'userSig has ended' } : { expiresAtMs: endS * 1_000 }
}

function read(text: string): Document | undefined {
  if (text.length > MAX_TEXT_CHARACTERS || !/^[A-Za-z0-9*_-]+$/.test(text)) return undefined
  const base64 = text.replaceAll('*', '+').replaceAll('-', '/').replaceAll('_', '=')
  try {
    const inflated = inflateSync(Buffer.from(base64, 'base64'), { maxOutputLength: MAX_DOCUMENT_BYTES })
    const { value, error } = documentSchema.validate(JSON.parse(inflated.toString()))
    return error === undefined ? value : undefined
  } catch {
    return undefined
  }
}

const signedText = (document: Document): string =>
  (['identifier', 'sdkappid', 'time', 'expire'] as const)
    .map((name) => `TLS.${name}:${document[`TLS.${name}`]}\n`)
    .join('')

interface UserSigClaims {
  readonly userId: string
  readonly app: string
  readonly key: string
  readonly nowS: number
  readonly lifeS: number
}

/** A UserSig (TLSSigAPIv2). Pure. Source: tencentyun/tls-sig-api-v2. */
export function signUserSig({ userId, app, key, nowS, lifeS }: UserSigClaims): string {
  const content = `TLS.identifier:${userId}\nTLS.sdkappid:${app}\nTLS.time:${nowS}\nTLS.expire:${lifeS}\n`
  const document = {
    'TLS.ver': '2.0',
    'TLS.identifier': userId,
    'TLS.sdkappid': Number(app),
    'TLS.time': nowS,
    'TLS.expire': lifeS,
    'TLS.sig': createHmac('sha256', key).update(content).digest('base64'),
  }
  return deflateSync(JSON.stringify(document))
    .toString('base64')
    .replaceAll('+', '*')
    .replaceAll('/', '-')
    .replaceAll('=', '_')
}
