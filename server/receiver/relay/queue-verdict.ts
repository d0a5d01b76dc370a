import { isRecord } from '../../../shared/json.ts'
import type { Attempt } from './relayed-request.ts'

/** What an attempt means for a queued request. */
export type Verdict =
  /** The backend has it. `saysFail`: its answer says that it could do nothing with it. */
  | { readonly kind: 'delivered'; readonly saysFail: boolean }
  /** The backend refuses it for good. */
  | { readonly kind: 'refused'; readonly reason: string }
  | Retry

export interface Retry {
  readonly kind: 'retry'
  readonly reason: string
  /** Whether it looks as if the backend could answer nobody now, whatever the request. */
  readonly isDown: boolean
  /** How long the backend wants to be left alone, in ms, bounded. */
  readonly retryAfterMs: number
}

/** Of a backend that is overloaded, or of a proxy whose backend is away. */
const DOWN_STATUSES = new Set([429, 502, 503, 504])
const MAX_RETRY_AFTER_MS = 600_000
/** A response that says FAIL is short. */
const MAX_RESPONSE_BYTES = 16 * 1024

export function verdictOf(attempt: Attempt): Verdict {
  if (attempt.kind === 'failed') {
    const { reason, status, retryAfterMs = 0 } = attempt
    return {
      kind: 'retry',
      reason,
      isDown: status === undefined || DOWN_STATUSES.has(status),
      retryAfterMs: Math.min(Math.max(0, retryAfterMs), MAX_RETRY_AFTER_MS),
    }
  }
  const { status, body } = attempt
  if (status < 300) return { kind: 'delivered', saysFail: saysFail(body) }
  // Whoever redirects has done nothing yet: a page that says to come back later, or a URL that has moved.
  const why = status < 400 ? ': RELAY_URL leads to a redirect, and none is followed' : ''
  return { kind: 'refused', reason: `the backend answered ${status}${why}` }
}

function saysFail(body: Buffer): boolean {
  if (body.length > MAX_RESPONSE_BYTES) return false
  try {
    const response: unknown = JSON.parse(body.toString())
    return isRecord(response) && response['ActionStatus'] === 'FAIL'
  } catch {
    return false
  }
}
