/** Runs work when it is its turn, with the outcome of the work. */
export type Turnstile = <T>(work: () => Promise<T>) => Promise<T>

/** Lets `atOnce` pieces of work run at a time; the others wait in the order they came. */
export function createTurnstile(atOnce: number): Turnstile {
  const waiting: (() => void)[] = []
  let running = 0

  return async (work) => {
    if (running >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }
}
