import { readFile, stat } from 'node:fs/promises'
import { Backoff } from '../../shared/backoff.ts'
import { GatewayError, reasonOf } from '../../shared/errors.ts'
import { fetchBounded } from '../http/fetch.ts'
import type { Logger } from '../telemetry/logger.ts'
import { KeySet } from './key-set.ts'
import type { Failed, TokenHeader, Verified } from './key-set.ts'
import { quote, UnprovenCredential } from './refused.ts'

const MAX_JWKS_BYTES = 65_536
/** After a failure to read. */
const MIN_RETRY_MS = 250

/** Where the keys come from. */
interface Source {
  /** Resolves to the JWKS as text. Rejects if it cannot be read. */
  readonly read: () => Promise<string>
  /** How long the keys are used before they are read again. */
  readonly maxAgeMs: number
  /** How long they are used beyond that while the read takes its time, so that a slow provider delays nobody. */
  readonly graceMs: number
  /** How often tokens with unknown keys can cause them to be read before that. */
  readonly minIntervalMs: number
}

export interface Jwks {
  /**
   * Verifies the signature of a token, and resolves to its claims. Rejects with TOKEN_REFUSED, or with KEYS_UNAVAILABLE
   * while its key may be one that could not be read yet.
   */
  verify(token: string, header: TokenHeader): Promise<Uint8Array>
}

/**
 * The public keys in a JWKS at an http(s): or file: URL, which is read when a token first needs it. It is read again after
 * ten minutes, and for an unknown key immediately, but then not for ten seconds; a file, after two seconds, and for each unknown
 * key. While it cannot be read, the keys of the last read stay valid.
 */
export function createJwks(url: string, log: Pick<Logger, 'info' | 'warn'>): Jwks {
  const parsed = new URL(url)
  const source: Source =
    parsed.protocol === 'file:'
      ? { read: () => readBounded(parsed), maxAgeMs: 2_000, graceMs: 0, minIntervalMs: 0 }
      : { read: () => fetchJwks(parsed), maxAgeMs: 600_000, graceMs: 60_000, minIntervalMs: 10_000 }
  return new ReadKeys(source, log)
}

/** Whether the keys were read: for this token, for an earlier one, so that they may be older than this one, or not. */
type Read = 'here' | 'elsewhere' | 'none'

/** Reads the keys when they are needed. Concurrent reads are one. */
class ReadKeys implements Jwks {
  readonly #source: Source
  readonly #log: Pick<Logger, 'info' | 'warn'>
  readonly #backoff = new Backoff()
  #text: string | undefined
  #keys: KeySet | undefined
  #reading: Promise<boolean> | undefined
  #readAtMs = -Infinity
  /** Not before: after a failure, and after a read for an unknown key. */
  #retryAtMs = -Infinity
  #rereadAtMs = -Infinity

  constructor(source: Source, log: Pick<Logger, 'info' | 'warn'>) {
    this.#source = source
    this.#log = log
  }

  async verify(token: string, header: TokenHeader): Promise<Uint8Array> {
    const staleMs = performance.now() - this.#readAtMs - this.#source.maxAgeMs
    const reading = staleMs > 0 ? this.#read() : undefined
    let read: Read = staleMs > this.#source.graceMs && reading ? await reading : 'none'
    let verified = await this.#tryKeys(token, header)
    if (!('payload' in verified) && read !== 'here') {
      // The key may be newer than the last read.
      read = await this.#reread(verified.failed)
      if (read !== 'none') verified = await this.#tryKeys(token, header)
    }
    if ('payload' in verified) return verified.payload
    throw this.#refusal(header, verified.failed, read === 'here')
  }

  /** Final only if the keys are newer than the token, or its key is known. */
  #refusal(header: TokenHeader, failed: Failed, isCurrent: boolean): GatewayError {
    const { alg, kid } = header
    if (failed === 'signature') return new UnprovenCredential('its signature is invalid')
    const key = kid === undefined ? `the ${alg} key` : `the ${alg} key ${quote(kid)}`
    // Without any key, nothing can be said about a token.
    if (this.#keys !== undefined && this.#keys.size > 0 && isCurrent)
      return new UnprovenCredential(`${key} that signed it is not in the JWKS`)
    const notBeforeMs = Math.max(this.#retryAtMs, this.#rereadAtMs)
    const retryInMs = Math.max(MIN_RETRY_MS, notBeforeMs - performance.now())
    const next = `the JWKS is read again in ${Math.ceil(retryInMs / 1_000)} s`
    const detail = this.#keys === undefined ? next : `${key} that signed it is not known yet; ${next}`
    return new GatewayError('KEYS_UNAVAILABLE', detail, { retryInMs })
  }

  async #tryKeys(token: string, header: TokenHeader): Promise<Verified> {
    return (await this.#keys?.verify(token, header)) ?? { failed: 'no-key' }
  }

  /**
   * Reads the keys for a token that none of them verifies, unless that happened a moment ago: anyone can invent key ids. Any
   * such read brings all keys, so no key has to wait longer than that for what a stranger has caused.
   */
  async #reread(failed: Failed): Promise<Read> {
    const { minIntervalMs } = this.#source
    const nowMs = performance.now()
    if (nowMs < this.#rereadAtMs) return 'none'
    // A forged signature is far more likely than another key of the same name.
    if (failed === 'signature' && nowMs - this.#readAtMs < minIntervalMs) return 'none'
    const read = await this.#read()
    if (read === 'here') this.#rereadAtMs = performance.now() + minIntervalMs
    return read
  }

  /** Reads the keys. Does nothing for a while after a failure. */
  async #read(): Promise<Read> {
    if (performance.now() < this.#retryAtMs) return 'none'
    if (this.#reading !== undefined) return (await this.#reading) ? 'elsewhere' : 'none'
    this.#reading = this.#source.read().then(
      (text) => this.#onRead(text),
      (error: unknown) => this.#onFailed(error),
    )
    return (await this.#reading) ? 'here' : 'none'
  }

  #onRead(text: string): boolean {
    try {
      if (text !== this.#text) this.#replace(new KeySet(text))
    } catch (error) {
      return this.#onFailed(error)
    }
    this.#reading = undefined
    this.#text = text
    this.#readAtMs = performance.now()
    this.#retryAtMs = -Infinity
    this.#backoff.succeeded()
    return true
  }

  #replace(keys: KeySet): void {
    this.#keys = keys
    const line = { keys: keys.size, ignored: keys.ignored }
    if (keys.size === 0) this.#log.warn(line, 'the JWKS contains no key that can verify tokens')
    else this.#log.info(line, 'public keys read')
  }

  #onFailed(error: unknown): boolean {
    this.#reading = undefined
    this.#retryAtMs = performance.now() + Math.max(MIN_RETRY_MS, this.#backoff.nextMs())
    this.#log.warn(
      { reason: reasonOf(error), hasKeys: this.#keys !== undefined },
      'public keys cannot be read',
    )
    return false
  }
}

async function fetchJwks(url: URL): Promise<string> {
  const { status, text } = await fetchBounded(url, { maxBytes: MAX_JWKS_BYTES })
  if (status !== 200) throw new Error(`JWKS_URL responded with status ${status}`)
  return text
}

async function readBounded(file: URL): Promise<string> {
  if ((await stat(file)).size > MAX_JWKS_BYTES) throw new Error(`it is larger than ${MAX_JWKS_BYTES} bytes`)
  return await readFile(file, 'utf8')
}
