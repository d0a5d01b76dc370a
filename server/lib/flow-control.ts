/** Runs work when it is its turn, with the outcome of the work. */
export type Limiter = <T>(work: () => Promise<T>) => Promise<T>

/** Lets `atOnce` pieces of work run at a time; the others wait in the order they came. */
export function createLimiter(max: number): Limiter {
  const waiting: (() => void)[] = []
  let running = 0

  return async (work) => {
    if (running >= max) await new Promise<void>((resolve) => waiting.push(resolve))
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

/**
 * Asks about one at a time, for callers that come one by one and often together: what comes in one turn of the event loop is
 * asked in one call of `askAll`, about at most `atMost`, whose answers stand in the order of the questions. A call that fails
 * fails for all who asked in it.
 */
export function createBatchLoader<Question, Answer>(
  max: number,
  loadMany: (questions: readonly Question[]) => Promise<readonly Answer[]>,
): (question: Question) => Promise<Answer> {
  interface Call {
    readonly questions: Question[]
    readonly answers: Promise<readonly Answer[]>
  }
  let next: Call | undefined

  function open(): Call {
    const questions: Question[] = []
    const turn = new Promise<void>((resolve) => setImmediate(resolve))
    const answers = turn.then(() => {
      if (next?.questions === questions) next = undefined
      return loadMany(questions)
    })
    return { questions, answers }
  }

  return async (question) => {
    const call = (next ??= open())
    const place = call.questions.push(question) - 1
    if (call.questions.length >= max) next = undefined
    return (await call.answers)[place] as Answer
  }
}

/** Enough for a console that resumes as many rooms as a socket may be in. */
const AT_ONCE = 1_000
const PER_SECOND = 100

/** How many requests a socket may make: many at once, and then so many a second. */
export class TokenBucket {
  #left = AT_ONCE
  #countedAtMs = performance.now()

  /** Whether one more is allowed, which counts. */
  tryTake(): boolean {
    const nowMs = performance.now()
    this.#left = Math.min(AT_ONCE, this.#left + ((nowMs - this.#countedAtMs) / 1_000) * PER_SECOND)
    this.#countedAtMs = nowMs
    if (this.#left < 1) return false
    this.#left--
    return true
  }
}
