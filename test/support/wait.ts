import { setTimeout as delay } from 'node:timers/promises'

/** Long enough for a machine that is busy: a test that promises a time names it. */
const DEFAULT_TIMEOUT_MS = 60_000

/** Of the time between two looks, no more counts. */
const MAX_LOOK_MS = 1_000

type Truthy<T> = Exclude<T, false | 0 | '' | null | undefined>

/** Polls until `probe` returns a truthy value, and returns it. Rejects with the description after the timeout. */
export async function waitUntil<T>(
  description: string,
  probe: () => T | Promise<T>,
  timeoutMs = DEFAULT_TIMEOUT_MS,
): Promise<Truthy<T>> {
  let [leftMs, lookedAtMs] = [timeoutMs, performance.now()]
  for (;;) {
    const value = await probe()
    if (value) return value as Truthy<T>
    const nowMs = performance.now()
    // For what this process stood still, it did not wait: what has arrived meanwhile is read first.
    leftMs -= Math.min(nowMs - lookedAtMs, MAX_LOOK_MS)
    lookedAtMs = nowMs
    if (leftMs < 0) throw new Error(`timed out after ${timeoutMs} ms: ${description}`)
    await delay(10)
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
