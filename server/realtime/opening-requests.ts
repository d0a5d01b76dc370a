import { GatewayError } from '../../shared/errors.ts'
import { isRecord } from '../../shared/json.ts'
import { MAX_OPENING_REQUESTS } from '../../shared/limits.ts'

/**
 * Returns the subscribe requests in the `auth` of a handshake, as they came; undefined if it has no list. Throws
 * REQUEST_MALFORMED.
 */
export function openingRequests(auth: unknown): readonly unknown[] | undefined {
  const requests = isRecord(auth) ? auth['subscribe'] : undefined
  if (requests === undefined || requests === null || requests === '') return undefined
  if (Array.isArray(requests) && requests.length <= MAX_OPENING_REQUESTS) return requests
  throw new GatewayError(
    'REQUEST_MALFORMED',
    `subscribe must be a list of at most ${MAX_OPENING_REQUESTS} requests, or be missing`,
  )
}
