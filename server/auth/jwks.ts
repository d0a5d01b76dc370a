import { createLocalJWKSet, createRemoteJWKSet, customFetch, errors } from 'jose'
import type { JWTVerifyGetKey } from 'jose'
import { readFile, stat } from 'node:fs/promises'
import { fetchBounded } from '../http/fetch.ts'

const FETCH_AGAIN_AFTER_MS = 30_000
const TRY_AGAIN_AFTER_MS = 2_000
const KEYS_KEPT_MS = 600_000
const MAX_KEYS_BYTES = 65_536

/** Public keys, read when a token needs one: again after ten minutes, and for an unknown key at most twice a minute. */
export function createKeys(url: string): JWTVerifyGetKey {
  const parsed = new URL(url)
  if (parsed.protocol === 'file:') return createFileKeys(parsed)
  const keys = createRemoteJWKSet(parsed, {
    cooldownDuration: FETCH_AGAIN_AFTER_MS,
    cacheMaxAge: KEYS_KEPT_MS,
    [customFetch]: fetchKeys,
  })
  let failedAtMs = -Infinity
  return async (header, token) => {
    const known = keys.jwks()
    try {
      if (!keys.fresh && performance.now() - failedAtMs < TRY_AGAIN_AFTER_MS)
        throw new Error('the keys could not be had a moment ago')
      return await keys(header, token)
    } catch (error) {
      if (!isUnreachable(error)) throw error
      failedAtMs = performance.now()
      // The keys that are known serve on.
      if (known === undefined) throw error
      return await createLocalJWKSet(known)(header, token)
    }
  }
}

/** Public keys in a file, read again when a token needs one. */
function createFileKeys(file: URL): JWTVerifyGetKey {
  let readAtMs = -Infinity
  let reading: Promise<LocalKeys | undefined> = Promise.resolve(undefined)
  return async (header, token) => {
    if (performance.now() - readAtMs > TRY_AGAIN_AFTER_MS) {
      readAtMs = performance.now()
      const before = reading
      // Half written, or gone: the keys that are known serve on.
      reading = readKeys(file).catch(() => before)
    }
    // All who come while it is being read wait for the same keys.
    const keys = await reading
    if (keys === undefined) throw new Error('the file with the keys cannot be read')
    return await keys(header, token)
  }
}

type LocalKeys = ReturnType<typeof createLocalJWKSet>

async function readKeys(file: URL): Promise<LocalKeys> {
  if ((await stat(file)).size > MAX_KEYS_BYTES) throw new Error('the file with the keys is too large')
  const text = await readFile(file, 'utf8')
  return createLocalJWKSet(JSON.parse(text) as Parameters<typeof createLocalJWKSet>[0])
}

/** Throws what is no error of the token, when the answer is no JWKS. */
async function fetchKeys(url: string): Promise<Response> {
  const { status, text } = await fetchBounded(url, { atMostBytes: MAX_KEYS_BYTES })
  if (status !== 200) throw new Error(`the keys were answered with status ${status}`)
  JSON.parse(text)
  return new Response(text)
}

/** Whether the keys could not be had, which says nothing of the token. */
export const isUnreachable = (cause: unknown): boolean =>
  cause !== undefined &&
  (!(cause instanceof errors.JOSEError) ||
    cause instanceof errors.JWKSTimeout ||
    cause instanceof errors.JWKSInvalid)
