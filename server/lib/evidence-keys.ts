import { createPrivateKey, createPublicKey, hash, sign, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

/** What precedes a key of Ed25519 in DER: PKCS #8 of a private one, SPKI of a public one (RFC 8410). */
const PRIVATE_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const PUBLIC_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')
const PEM_BEGIN = '-----BEGIN '

/** A public key, as it stands in files of evidence and is given away. */
export interface PublicKey {
  /** The first 16 digits of the SHA-256 of its 32 bytes. */
  readonly id: string
  /** Its 32 bytes in Base64. */
  readonly publicKey: string
}

/** A key that signs evidence. */
export interface EvidenceKey extends PublicKey {
  /** Returns the signature of these bytes in Base64. */
  sign(bytes: Buffer): string
}

/**
 * Reads a private key: PEM, whatever became of its line breaks, or 32 bytes in Base64. Throws a TypeError that says what is right, and never
 * contains the key.
 */
export function readEvidenceKey(text: string): EvidenceKey {
  const key = privateKeyIn(text)
  if (key?.asymmetricKeyType !== 'ed25519')
    throw new TypeError(
      'must be a private Ed25519 key: PEM as `openssl genpkey -algorithm ed25519` writes it, or 32 bytes in Base64',
    )
  return { ...describe(createPublicKey(key)), sign: (bytes) => sign(null, bytes, key).toString('base64') }
}

/** Reads a public key: PEM, or 32 bytes in Base64. Undefined for anything else. */
export function readPublicKey(text: string): PublicKey | undefined {
  try {
    const der = derIn(text, PUBLIC_PREFIX)
    const key = der ? createPublicKey({ key: der, format: 'der', type: 'spki' }) : createPublicKey(text)
    return key.asymmetricKeyType === 'ed25519' ? describe(key) : undefined
  } catch {
    return undefined
  }
}

/** Returns whether one who has the private key signed these bytes. */
export function isSignedWith({ publicKey }: PublicKey, bytes: Buffer, signature: string): boolean {
  const der = Buffer.concat([PUBLIC_PREFIX, Buffer.from(publicKey, 'base64')])
  return verify(
    null,
    bytes,
    createPublicKey({ key: der, format: 'der', type: 'spki' }),
    Buffer.from(signature, 'base64'),
  )
}

function privateKeyIn(text: string): KeyObject | undefined {
  try {
    const der = derIn(text, PRIVATE_PREFIX)
    return der ? createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }) : createPrivateKey(text)
  } catch {
    return undefined
  }
}

/**
 * Returns the DER of a key; undefined for what is neither PEM nor Base64. Shells make blanks of the line breaks of PEM, files of variables
 * and JSON write them as `\\n`, and some stores of secrets take one word only, so that people leave out the first and last line, or encode
 * the whole once more.
 */
function derIn(text: string, prefix: Buffer): Buffer | undefined {
  const word = text.trim()
  if (/^[\w+/-]{43}=?$/.test(word)) return Buffer.concat([prefix, Buffer.from(word, 'base64')])
  const body = word.replaceAll(/-----[A-Z ]+-----|\\+[nr]|\s/g, '')
  if (!/^[A-Za-z\d+/]+={0,2}$/.test(body)) return undefined
  const bytes = Buffer.from(body, 'base64')
  const inner = bytes.toString('latin1')
  return inner.startsWith(PEM_BEGIN) ? derIn(inner, prefix) : bytes
}

function describe(key: KeyObject): PublicKey {
  const bytes = key.export({ format: 'der', type: 'spki' }).subarray(PUBLIC_PREFIX.length)
  return { id: hash('sha256', bytes).slice(0, 16), publicKey: bytes.toString('base64') }
}
