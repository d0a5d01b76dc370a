import { createPrivateKey, createPublicKey, hash, sign, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

/** What precedes a key of Ed25519 in DER: PKCS #8 of a private one, SPKI of a public one (RFC 8410). */
const PRIVATE_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const PUBLIC_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')
const KEY_BYTES = 32

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

/** Reads a private key: PEM, or 32 bytes in Base64. Throws a TypeError that says what is right, and never contains the key. */
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
    const bytes = bytesIn(text)
    const der = bytes && Buffer.concat([PUBLIC_PREFIX, bytes])
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
    const bytes = bytesIn(text)
    if (bytes === undefined) return createPrivateKey(text.replaceAll('\\n', '\n'))
    return createPrivateKey({ key: Buffer.concat([PRIVATE_PREFIX, bytes]), format: 'der', type: 'pkcs8' })
  } catch {
    return undefined
  }
}

function bytesIn(text: string): Buffer | undefined {
  if (!/^[\w+/-]{43}=?$/.test(text.trim())) return undefined
  const bytes = Buffer.from(text, 'base64')
  return bytes.length === KEY_BYTES ? bytes : undefined
}

function describe(key: KeyObject): PublicKey {
  const bytes = key.export({ format: 'der', type: 'spki' }).subarray(PUBLIC_PREFIX.length)
  return { id: hash('sha256', bytes).slice(0, 16), publicKey: bytes.toString('base64') }
}
