import { createHmac, KeyObject, type webcrypto } from 'node:crypto'
import { Random } from './random.ts'
import { world } from './world.ts'

// What Node's `crypto` draws and signs, from the seed of the run and at once.

export function randomUUID(): string {
  const bytes = Buffer.alloc(16)
  world.random.bytes(bytes)
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
}

/**
 * Of bytes that stand for themselves, as in ids and masks. Packages draw them in advance, for several runs: what they take must
 * not change what else happens in a run.
 */
const plainBytes = new Random(0)

export function randomBytes(
  size: number,
  callback?: (error: null, bytes: Buffer) => void,
): Buffer | undefined {
  const filled = Buffer.alloc(size)
  plainBytes.bytes(filled)
  if (callback === undefined) return filled
  // No event of its own, for the same reason.
  queueMicrotask(() => callback(null, filled))
  return undefined
}

export function fillRandomly<T extends NodeJS.ArrayBufferView>(target: T): T {
  plainBytes.bytes(new Uint8Array(target.buffer, target.byteOffset, target.byteLength))
  return target
}

export const randomInt = (from: number, until?: number): number =>
  until === undefined ? world.random.below(from) : from + world.random.below(until - from)

export type Bytes = ArrayBuffer | NodeJS.ArrayBufferView

export const bytesOf = (data: Bytes): Uint8Array =>
  data instanceof ArrayBuffer
    ? new Uint8Array(data)
    : new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

/** Signs at once what Node would sign in another thread, which no virtual time waits for. */
export function hmac(_algorithm: unknown, key: webcrypto.CryptoKey, data: Bytes): ArrayBuffer {
  if (key.type !== 'secret')
    throw new Error('the simulation signs with secrets only, which Node does at once')
  const hash = (key.algorithm as webcrypto.HmacKeyAlgorithm).hash.name.replace('-', '').toLowerCase()
  const bytes = createHmac(hash, KeyObject.from(key)).update(bytesOf(data)).digest()
  return new Uint8Array(bytes).buffer
}
