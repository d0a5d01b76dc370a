import { createHmac, KeyObject, type webcrypto } from 'node:crypto'
import { createRequire, syncBuiltinESMExports } from 'node:module'
import { promisify } from 'node:util'
import { real } from './real.ts'
import { Random } from './random.ts'
import { OUTSIDE, Schedule } from './schedule.ts'
import type { SimProcess, Task } from './schedule.ts'

const require = createRequire(import.meta.url)

/** When every run begins, in ms since 1970. */
export const START_MS = Date.UTC(2026, 0, 1)

/** What drives the modules that are loaded after `replaceGlobals`; a run puts its own in. */
export const world: { schedule: Schedule; random: Random } = {
  schedule: new Schedule(),
  random: new Random(0),
}

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

const MAX_TIMER_MS = 2 ** 31 - 1

type Callback = (...values: unknown[]) => void

function bound(callback: Callback, values: unknown[]): () => void {
  if (typeof callback !== 'function')
    throw Object.assign(new TypeError('The "callback" argument must be of type function'), {
      code: 'ERR_INVALID_ARG_TYPE',
    })
  return values.length === 0 ? callback : () => callback(...values)
}

const clear = (timer: unknown): void => void (timer instanceof SimTimer && timer.close())

const timers = {
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

interface WaitOptions {
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

const waits = {
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

const wallMs = (): number =>
  START_MS + Math.floor(world.schedule.nowMs) + world.schedule.current.clockOffsetMs

/** Called without arguments, it takes the time from the run; otherwise it is Node's own. */
const SimDate: DateConstructor = new Proxy(real.Date, {
  apply: () => new real.Date(wallMs()).toString(),
  construct: (_target, values, newTarget) =>
    Reflect.construct(
      real.Date,
      values.length === 0 ? [wallMs()] : values,
      newTarget === SimDate ? real.Date : newTarget,
    ) as Date,
  get: (target, name) => (name === 'now' ? wallMs : (Reflect.get(target, name) as unknown)),
})

/** When each process first asked for it. */
let origins = new WeakMap<SimProcess, number>()
let originsOf: Schedule | undefined

/** Counts from the start of the process, so that what one process says means nothing to another. */
function monotonicMs(): number {
  const { schedule } = world
  const { current, nowMs } = schedule
  if (current === OUTSIDE) return nowMs
  if (originsOf !== schedule) {
    origins = new WeakMap()
    originsOf = schedule
  }
  let origin = origins.get(current)
  if (origin === undefined) origins.set(current, (origin = nowMs))
  return nowMs - origin
}

const nanoseconds = (): bigint => BigInt(Math.round(monotonicMs() * 1e6))

function hrtime(since?: readonly [number, number]): [number, number] {
  const elapsed = nanoseconds() - (since ? BigInt(since[0]) * 1_000_000_000n + BigInt(since[1]) : 0n)
  return [Number(elapsed / 1_000_000_000n), Number(elapsed % 1_000_000_000n)]
}
hrtime.bigint = nanoseconds

function randomUUID(): string {
  const bytes = Buffer.alloc(16)
  world.random.bytes(bytes)
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
}

/**
 * Of bytes that stand for themselves, as in ids and masks. Packages draw them in advance, for several runs: what they take must
 * not change what else happens in a run.
 */
const plainBytes = new Random(0)

function randomBytes(size: number, callback?: (error: null, bytes: Buffer) => void): Buffer | undefined {
  const filled = Buffer.alloc(size)
  plainBytes.bytes(filled)
  if (callback === undefined) return filled
  // No event of its own, for the same reason.
  queueMicrotask(() => callback(null, filled))
  return undefined
}

function fillRandomly<T extends NodeJS.ArrayBufferView>(target: T): T {
  plainBytes.bytes(new Uint8Array(target.buffer, target.byteOffset, target.byteLength))
  return target
}

const randomInt = (from: number, until?: number): number =>
  until === undefined ? world.random.below(from) : from + world.random.below(until - from)

type Bytes = ArrayBuffer | NodeJS.ArrayBufferView

const bytesOf = (data: Bytes): Uint8Array =>
  data instanceof ArrayBuffer
    ? new Uint8Array(data)
    : new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

/** Signs at once what Node would sign in another thread, which no virtual time waits for. */
function hmac(_algorithm: unknown, key: webcrypto.CryptoKey, data: Bytes): ArrayBuffer {
  if (key.type !== 'secret')
    throw new Error('the simulation signs with secrets only, which Node does at once')
  const hash = (key.algorithm as webcrypto.HmacKeyAlgorithm).hash.name.replace('-', '').toLowerCase()
  const bytes = createHmac(hash, KeyObject.from(key)).update(bytesOf(data)).digest()
  return new Uint8Array(bytes).buffer
}

/** From here on, all modules that are loaded take time and chance from `world`. Never undone: it is for a process of its own. */
export function replaceGlobals(): void {
  Object.assign(globalThis, timers, { Date: SimDate })
  Object.assign(require('node:timers') as object, timers)
  const timerPromises = require('node:timers/promises') as { scheduler: object }
  Object.assign(timerPromises, waits)
  Object.assign(timerPromises.scheduler, {
    wait: (ms: number, options?: WaitOptions) => waits.setTimeout(ms, undefined, options),
    yield: () => waits.setImmediate(),
  })
  Object.assign(process, { hrtime })
  Object.defineProperty(performance, 'now', { value: monotonicMs, configurable: true })
  Math.random = () => world.random.fraction()
  const randomness = {
    randomUUID,
    randomBytes,
    randomInt,
    randomFillSync: fillRandomly,
  }
  Object.assign(require('node:crypto') as object, randomness)
  Object.defineProperty(crypto, 'randomUUID', { value: randomUUID })
  Object.defineProperty(crypto, 'getRandomValues', { value: fillRandomly })
  Object.defineProperty(crypto.subtle, 'sign', {
    value: async (...args: Parameters<typeof hmac>) => hmac(...args),
  })
  Object.defineProperty(crypto.subtle, 'verify', {
    value: async (algorithm: unknown, key: webcrypto.CryptoKey, signature: Bytes, data: Bytes) =>
      Buffer.from(hmac(algorithm, key, data)).equals(bytesOf(signature)),
  })
  AbortSignal.timeout = (ms) => {
    const controller = new AbortController()
    const reason = new DOMException('The operation was aborted due to timeout', 'TimeoutError')
    timers.setTimeout(() => controller.abort(reason), ms)
    return controller.signal
  }
  syncBuiltinESMExports()
}
