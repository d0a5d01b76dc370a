import { setTimeout as delay } from 'node:timers/promises'
import { withTimeout } from '../timeout.ts'
import { COMMAND_TIMEOUT_MS } from './connection/connection.ts'

/** Pause between attempts to find out whether Redis has caught up. */
const PING_INTERVAL_MS = 100

/**
 * Runs commands that callers repeat when they fail. Rejects with BROKER_UNAVAILABLE after a second. A command that got no
 * reply in time may still run in Redis, and repeating it would add to what made it late. So none is sent until Redis has
 * replied to a later `ping` on the same connection, which proves that it has dealt with all before, or the connection is lost.
 */
export function createOverdueGate(ping: () => Promise<unknown>, isConnected: () => boolean) {
  let caughtUp: Promise<void> | undefined

  async function untilCaughtUp(): Promise<void> {
    while (isConnected()) {
      const isAnswered = await ping().then(
        () => true,
        () => false,
      )
      if (isAnswered) return
      await delay(PING_INTERVAL_MS, undefined, { ref: false })
    }
  }

  return async function run<T>(command: () => Promise<T>): Promise<T> {
    if (caughtUp !== undefined) await withTimeout(COMMAND_TIMEOUT_MS, caughtUp)
    try {
      return await withTimeout(COMMAND_TIMEOUT_MS, command())
    } catch (error) {
      if (!isReply(error)) caughtUp ??= untilCaughtUp().finally(() => (caughtUp = undefined))
      throw error
    }
  }
}

/** Whether Redis replied, even if with an error. */
const isReply = (error: unknown): boolean =>
  error instanceof Error && error.cause instanceof Error && error.cause.name === 'ReplyError'
