import { promisify } from 'node:util'
import type { Task } from './schedule.ts'
import { world } from './world.ts'

// Node's timers, by the clock of the run.

const MAX_TIMER_MS = 2 ** 31 - 1

class SimTimer {
  readonly #run: () => void
  readonly #ms: number
  readonly #isRepeated: boolean
  readonly #owner = world.schedule.current
  #task: Task | undefined
  #hasRef = true
  #isRunning = false

  constructor(run: () => void, ms: number, isRepeated: boolean) {
    this.#run = run
    this.#ms = ms >= 1 && ms <= MAX_TIMER_MS ? Math.trunc(ms) : 1
    this.#isRepeated = isRepeated
    this.#start()
  }

  #start(): void {
    const { schedule } = world
    // Whole milliseconds of the loop's clock, as in Node: by `performance.now()`, a timer may be early by a part of one.
    const dueMs = Math.floor(schedule.nowMs) + this.#ms
    this.#task = schedule.at(dueMs, this.#owner, () => this.#fire())
  }

  #fire(): void {
    this.#task = undefined
    this.#isRunning = true
    try {
      this.#run()
    } finally {
      // An interval begins anew after its callback, unless that ended or refreshed it.
      if (this.#isRepeated && this.#isRunning && this.#task === undefined) this.#start()
      this.#isRunning = false
    }
  }

  close(): this {
    if (this.#task) this.#task.run = undefined
    this.#task = undefined
    this.#isRunning = false
    return this
  }

  refresh(): this {
    if (this.#task) this.#task.run = undefined
    this.#start()
    return this
  }

  ref(): this {
    this.#hasRef = true
    return this
  }

  unref(): this {
    this.#hasRef = false
    return this
  }

  hasRef(): boolean {
    return this.#hasRef
  }
}

type Callback = (...values: unknown[]) => void

function bound(callback: Callback, values: unknown[]): () => void {
  if (typeof callback !== 'function')
    throw Object.assign(new TypeError('The "callback" argument must be of type function'), {
      code: 'ERR_INVALID_ARG_TYPE',
    })
  return values.length === 0 ? callback : () => callback(...values)
}

const clear = (timer: unknown): void => void (timer instanceof SimTimer && timer.close())

export const timers = {
  setTimeout: (run: Callback, ms = 1, ...values: unknown[]) =>
    new SimTimer(bound(run, values), Number(ms), false),
  setInterval: (run: Callback, ms = 1, ...values: unknown[]) =>
    new SimTimer(bound(run, values), Number(ms), true),
  // In the same instant, after the events that are due already.
  setImmediate: (run: Callback, ...values: unknown[]) =>
    world.schedule.after(0, world.schedule.current, bound(run, values)),
  clearTimeout: clear,
  clearInterval: clear,
  clearImmediate: (task: unknown) => void (task && ((task as Task).run = undefined)),
}

export interface WaitOptions {
  readonly signal?: AbortSignal
}

const abortError = ({ reason }: AbortSignal): Error =>
  Object.assign(new Error('The operation was aborted', { cause: reason }), {
    name: 'AbortError',
    code: 'ABORT_ERR',
  })

/** Resolves to `value` when what `start` was given is called, or rejects when the signal is aborted, and then calls `stop`. */
async function promised<T>(
  start: (tell: () => void) => unknown,
  stop: (started: unknown) => void,
  value: T | undefined,
  signal: AbortSignal | undefined,
): Promise<T | undefined> {
  if (signal?.aborted) throw abortError(signal)
  return new Promise((resolve, reject) => {
    const started = start(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve(value)
    })
    function onAbort(): void {
      stop(started)
      reject(abortError(signal as AbortSignal))
    }
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

export const waits = {
  setTimeout: <T>(ms?: number, value?: T, { signal }: WaitOptions = {}): Promise<T | undefined> =>
    promised((tell) => timers.setTimeout(tell, ms), clear, value, signal),
  setImmediate: <T>(value?: T, { signal }: WaitOptions = {}): Promise<T | undefined> =>
    promised(timers.setImmediate, timers.clearImmediate, value, signal),
  async *setInterval<T>(ms?: number, value?: T, options: WaitOptions = {}): AsyncGenerator<T | undefined> {
    for (;;) yield await waits.setTimeout(ms, value, options)
  },
}

// As `util.promisify` expects it.
Object.defineProperty(timers.setTimeout, promisify.custom, { value: waits.setTimeout })
Object.defineProperty(timers.setImmediate, promisify.custom, { value: waits.setImmediate })
