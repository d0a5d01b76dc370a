import { setTimeout as delay } from 'node:timers/promises'

/** Long enough for a machine that is busy: a test that promises a time names it. */
const DEFAULT_TIMEOUT_MS = 60_000

const INTERVAL_MS = 10
/** Of the time between two looks, no more counts. */
const MAX_PAUSE_MS = 50

/** Of this moment: tests replace the clock. */
const now = performance.now.bind(performance)

type Truthy<T> = Exclude<T, false | 0 | '' | null | undefined>

/** Polls until `probe` returns a truthy value, and returns it. Rejects with the description after the timeout. */
export async function waitUntil<T>(
  description: string,
  probe: () => T | Promise<T>,
  timeoutMs = DEFAULT_TIMEOUT_MS,
): Promise<Truthy<T>> {
  let deadlineMs = now() + timeoutMs
  for (;;) {
    const value = await probe()
    if (value) return value as Truthy<T>
    const nowMs = now()
    if (nowMs > deadlineMs) throw new Error(`timed out after ${timeoutMs} ms: ${description}`)
    await delay(INTERVAL_MS)
    // What this process stood still does not count: what has arrived meanwhile is looked at first.
    deadlineMs += Math.max(0, now() - nowMs - MAX_PAUSE_MS)
  }
}

/** Returns the outcome of the promise. Rejects with the description after the timeout. */
export async function withTimeout<T>(
  description: string,
  promise: Promise<T>,
  timeoutMs = DEFAULT_TIMEOUT_MS,
): Promise<T> {
  const controller = new AbortController()
  const timeout = delay(timeoutMs, undefined, { signal: controller.signal }).then(() => {
    throw new Error(`timed out after ${timeoutMs} ms: ${description}`)
  })
  try {
    return await Promise.race([promise, timeout])
  } finally {
    controller.abort()
    timeout.catch(() => undefined)
  }
}
