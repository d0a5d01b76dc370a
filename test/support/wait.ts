import { setTimeout as delay } from 'node:timers/promises'

const WITHIN_MS = 8_000

type Truthy<T> = Exclude<T, false | 0 | '' | null | undefined>

/** Polls until `look` answers something truthy, and answers that. Rejects naming `what` when the time is over. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  withinMs = WITHIN_MS,
): Promise<Truthy<T>> {
  const deadline = Date.now() + withinMs
  for (;;) {
    const seen = await look()
    if (seen) return seen as Truthy<T>
    if (Date.now() > deadline) throw new Error(`waited ${withinMs} ms in vain: ${what}`)
    await delay(10)
  }
}

/** The outcome of `promise`, or a rejection naming `what` when it takes too long. */
export async function soon<T>(what: string, promise: Promise<T>, withinMs = WITHIN_MS): Promise<T> {
  const over = new AbortController()
  const tooLate = delay(withinMs, undefined, { signal: over.signal }).then(() => {
    throw new Error(`waited ${withinMs} ms in vain: ${what}`)
  })
  try {
    return await Promise.race([promise, tooLate])
  } finally {
    over.abort()
    tooLate.catch(() => undefined)
  }
}
