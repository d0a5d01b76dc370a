import type { IncomingMessage } from 'node:http'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { GatewayError } from '../../shared/errors.ts'
import { clientNetwork } from '../http/client-address.ts'
import type { ClientAddress } from '../http/client-address.ts'
import type { Authenticate } from './authentication.ts'
import type { Principal } from './principal.ts'
import { UnprovenCredential } from './refused.ts'

/** Far more than typing errors and rotated secrets cause. */
const MAX_FAILURES = 30
const FAILURE_WINDOW_S = 60

/** Authenticates a request, or lets `authenticate` do so. Rejects like it, or with TOO_MANY_FAILURES. */
export type FailureLimiter = (
  request: IncomingMessage,
  auth: unknown,
  authenticate?: Authenticate,
) => Promise<Principal>

/** The credentials of one network that are being verified, or wait for their turn. */
interface Attempts {
  requests: number
  running: number
  readonly waiting: (() => void)[]
}

/**
 * Limits guesses per client network. Only credentials that nothing proves to be the app's own count: an expired token or a
 * disconnected user is no guess, and neither is a token whose key is not known yet. So others at an address are not affected.
 * No more are verified at a time than may fail, or many sent at once would all be verified.
 */
export function limitFailures(usual: Authenticate, addressOf: ClientAddress): FailureLimiter {
  const failures = new RateLimiterMemory({ points: MAX_FAILURES, duration: FAILURE_WINDOW_S })
  const networks = new Map<string, Attempts>()
  /** By then, no failure counts any more that there was so far, of any network. */
  let countedUntilMs = 0

  async function begin(network: string, attempts: Attempts): Promise<void> {
    for (;;) {
      const counted = await failures.get(network)
      const left = counted === null ? MAX_FAILURES : counted.remainingPoints
      if (left <= 0)
        throw new GatewayError('TOO_MANY_FAILURES', undefined, { retryInMs: counted?.msBeforeNext ?? 0 })
      // In the turn in which it was looked at, or all that wait would begin.
      if (attempts.running < left) return void attempts.running++
      await new Promise<void>((resolve) => attempts.waiting.push(resolve))
    }
  }

  /** Most may begin at once: those who come while no failure counts, so that none has to be looked up. */
  function tryBegin(attempts: Attempts): boolean {
    if (performance.now() < countedUntilMs || attempts.running >= MAX_FAILURES) return false
    attempts.running++
    return true
  }

  return async function authenticateRequest(request, auth, authenticate = usual) {
    const network = clientNetwork(addressOf(request))
    const attempts = networks.get(network) ?? { requests: 0, running: 0, waiting: [] }
    networks.set(network, attempts)
    attempts.requests++
    try {
      if (!tryBegin(attempts)) await begin(network, attempts)
      try {
        return await authenticate(auth)
      } catch (error) {
        // `consume` rejects beyond the limit; the next request finds that out.
        if (error instanceof UnprovenCredential) {
          countedUntilMs = performance.now() + FAILURE_WINDOW_S * 1_000
          await failures.consume(network).catch(() => undefined)
        }
        throw error
      } finally {
        attempts.running--
      }
    } finally {
      attempts.waiting.shift()?.()
      if (--attempts.requests === 0) networks.delete(network)
    }
  }
}
