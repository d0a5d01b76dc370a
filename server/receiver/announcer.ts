import { setTimeout as delay } from 'node:timers/promises'
import { fullJitterMs } from '../../shared/backoff.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { MembershipEnd } from './commands/membership.ts'

/** Beyond it, the oldest is dropped. */
const MAX_WAITING = 1_000
const BACKOFF = { baseMs: 250, maxMs: 5_000 }

interface AnnouncerOptions {
  /** How long a cached membership lasts, in ms. After that, nobody needs to be told that it ended. */
  readonly membershipTtlMs: number
}

interface AnnouncerDependencies {
  /** Announces to all processes that memberships ended. */
  readonly announce: (ended: MembershipEnd) => Promise<unknown>
  readonly log: Logger
}

interface Waiting {
  readonly ended: MembershipEnd
  readonly sinceMs: number
}

/** Announces ended memberships in the background, one after the other. Retries what fails for as long as it matters. */
export function createAnnouncer(
  { membershipTtlMs }: AnnouncerOptions,
  { announce, log }: AnnouncerDependencies,
) {
  const stopped = new AbortController()
  const waiting: Waiting[] = []
  let running: Promise<void> | undefined

  async function run(): Promise<void> {
    let failures = 0
    for (let next = waiting[0]; next !== undefined && !stopped.signal.aborted; next = waiting[0]) {
      try {
        await announce(next.ended)
        failures = 0
        take(next)
      } catch (err) {
        log.warn({ err, waiting: waiting.length }, 'cannot announce the end of a membership, retrying')
        if (performance.now() - next.sinceMs > membershipTtlMs) take(next)
        else await delay(fullJitterMs(failures++, BACKOFF), undefined, stopped).catch(() => undefined)
      }
    }
  }

  /** Unless it was dropped meanwhile. */
  function take(done: Waiting): void {
    if (waiting[0] === done) waiting.shift()
  }

  return {
    /** Never throws. */
    announceEnd(ended: MembershipEnd): void {
      if (waiting.length >= MAX_WAITING) {
        waiting.shift()
        log.error({ waiting: MAX_WAITING }, 'too many ended memberships to announce, oldest dropped')
      }
      waiting.push({ ended, sinceMs: performance.now() })
      running ??= run().finally(() => (running = undefined))
    },

    /** Resolves once nothing more is announced. */
    async stop(): Promise<void> {
      stopped.abort()
      await running
    },
  }
}
