import { readFile, stat } from 'node:fs/promises'
import { createLocalJWKSet, createRemoteJWKSet, customFetch, errors } from 'jose'
import type { JWTVerifyGetKey } from 'jose'
import { fetchBounded } from '../http/fetch.ts'

const MAX_JWKS_BYTES = 65_536
/** An unknown key causes the JWKS to be fetched again, but no more often than this. */
const MIN_REFETCH_INTERVAL_MS = 30_000
const MAX_AGE_MS = 600_000
/** How long to wait before repeating a failed fetch, and how long a file is assumed not to have changed. */
const RETRY_AFTER_MS = 2_000

/**
 * Looks up public keys in a JWKS at an http(s): or file: URL, which is read when a token first needs it. A fetched JWKS is
 * read again after ten minutes, or for an unknown key at most twice a minute; a file, at most every two seconds. While it
 * cannot be read, the keys of the last read stay valid. `isUnavailable` distinguishes failures to read from unknown keys.
 */
export function createJwks(url: string): JWTVerifyGetKey {
  const parsed = new URL(url)
  return parsed.protocol === 'file:' ? createFileJwks(parsed) : createRemoteJwks(parsed)
}

/** Whether an error means that the keys could not be read, which says nothing about the token. */
export const isUnavailable = (error: unknown): boolean =>
  !(error instanceof errors.JOSEError) ||
  error instanceof errors.JWKSTimeout ||
  error instanceof errors.JWKSInvalid

function createRemoteJwks(url: URL): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(url, {
    cooldownDuration: MIN_REFETCH_INTERVAL_MS,
    cacheMaxAge: MAX_AGE_MS,
    [customFetch]: fetchJwks,
  })
  let failedAtMs = -Infinity
  return async (header, token) => {
    const known = keys.jwks()
    try {
      if (!keys.fresh && performance.now() - failedAtMs < RETRY_AFTER_MS)
        throw new Error('the JWKS could not be read a moment ago')
      return await keys(header, token)
    } catch (error) {
      if (!isUnavailable(error)) throw error
      failedAtMs = performance.now()
      if (known === undefined) throw error
      return await createLocalJWKSet(known)(header, token)
    }
  }
}

/** Throws an error that is not jose's when the response is no JWKS, so that the token is not blamed. */
async function fetchJwks(url: string): Promise<Response> {
  const { status, text } = await fetchBounded(url, { maxBytes: MAX_JWKS_BYTES })
  if (status !== 200) throw new Error(`the JWKS URL responded with status ${status}`)
  JSON.parse(text)
  return new Response(text)
}

function createFileJwks(file: URL): JWTVerifyGetKey {
  let readAtMs = -Infinity
  let reading: Promise<LocalKeys | undefined> = Promise.resolve(undefined)
  return async (header, token) => {
    if (performance.now() - readAtMs > RETRY_AFTER_MS) {
      readAtMs = performance.now()
      const previous = reading
      // The file may be half written, or missing for a moment.
      reading = readFileJwks(file).catch(() => previous)
    }
    // Concurrent lookups share one read.
    const keys = await reading
    if (keys === undefined) throw new Error('the JWKS file cannot be read')
    return await keys(header, token)
  }
}

type LocalKeys = ReturnType<typeof createLocalJWKSet>

async function readFileJwks(file: URL): Promise<LocalKeys> {
  if ((await stat(file)).size > MAX_JWKS_BYTES) throw new Error('the JWKS file is too large')
  const text = await readFile(file, 'utf8')
  return createLocalJWKSet(JSON.parse(text) as Parameters<typeof createLocalJWKSet>[0])
}
