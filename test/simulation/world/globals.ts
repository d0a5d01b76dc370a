import { createHmac, KeyObject, type webcrypto } from 'node:crypto'
import { createRequire, syncBuiltinESMExports } from 'node:module'
import { real } from './real.ts'
import type { Random } from './random.ts'
import type { Schedule, Task } from './schedule.ts'

const require = createRequire(import.meta.url)

/** When every run begins, in ms since 1970. */
export const START_MS = Date.UTC(2026, 0, 1)

/** What drives the modules that are loaded after `replaceGlobals`; a run puts its own in. */
export const world: { schedule: Schedule; random: Random } = {} as never

class SimTimer {
  readonly #run: () => void
  readonly #ms: number
  readonly #isRepeated: boolean
  readonly #owner = world.schedule.current
  #task: Task | undefined
  #hasRef = true

  constructor(run: () => void, ms: number, isRepeated: boolean) {
    this.#run = run
    this.#ms = ms >= 1 && ms <= 2 ** 31 - 1 ? ms : 1
    this.#isRepeated = isRepeated
    this.#start()
  }

  #start(): void {
    this.#task = world.schedule.after(this.#ms, this.#owner, () => {
      this.#task = undefined
      // As in Node, an interval begins anew before its callback, which may clear it.
      if (this.#isRepeated) this.#start()
      this.#run()
    })
  }

  close(): this {
    if (this.#task) this.#task.run = undefined
    this.#task = undefined
    return this
  }

  refresh(): this {
    this.close()
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

const bound = (callback: Callback, values: unknown[]): (() => void) =>
  values.length === 0 ? callback : () => callback(...values)

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

const promised = {
  setTimeout: async <T>(ms?: number, value?: T, { signal }: WaitOptions = {}): Promise<T | undefined> => {
    signal?.throwIfAborted()
    return new Promise((resolve, reject) => {
      const timer = timers.setTimeout(() => {
        signal?.removeEventListener('abort', onAbort)
        resolve(value)
      }, ms)
      const onAbort = (): void => {
        timer.close()
        reject(new DOMException('The operation was aborted', 'AbortError'))
      }
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  },
  setImmediate: async <T>(value?: T): Promise<T | undefined> =>
    new Promise((resolve) => void timers.setImmediate(() => resolve(value))),
}

const wallMs = (): number =>
  START_MS + Math.floor(world.schedule.nowMs) + world.schedule.current.clockOffsetMs

class SimDate extends real.Date {
  constructor(...values: unknown[]) {
    if (values.length === 0) super(wallMs())
    else super(...(values as [number]))
  }

  static override now(): number {
    return wallMs()
  }
}

function randomUUID(): string {
  const bytes = Buffer.alloc(16)
  world.random.bytes(bytes)
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
}

function randomBytes(size: number, callback?: (error: null, bytes: Buffer) => void): Buffer | undefined {
  const bytes = Buffer.alloc(size)
  world.random.bytes(bytes)
  if (callback === undefined) return bytes
  timers.setImmediate(() => callback(null, bytes))
  return undefined
}

function fillRandomly<T extends NodeJS.ArrayBufferView>(target: T): T {
  world.random.bytes(new Uint8Array(target.buffer, target.byteOffset, target.byteLength))
  return target
}

const randomInt = (from: number, until?: number): number =>
  until === undefined ? world.random.below(from) : from + world.random.below(until - from)

/** Signs at once what Node would sign in another thread, which no virtual time waits for. */
function hmac(algorithm: unknown, key: webcrypto.CryptoKey, data: Uint8Array): ArrayBuffer {
  const hash = (key.algorithm as webcrypto.HmacKeyAlgorithm).hash.name.replace('-', '').toLowerCase()
  void algorithm
  const bytes = createHmac(hash, KeyObject.from(key)).update(data).digest()
  return new Uint8Array(bytes).buffer
}

/** From here on, all modules that are loaded take time and chance from `world`. Never undone: it is for a process of its own. */
export function replaceGlobals(): void {
  Object.assign(globalThis, timers, { Date: SimDate })
  Object.assign(require('node:timers') as object, timers)
  Object.assign(require('node:timers/promises') as object, promised)
  Object.defineProperty(performance, 'now', { value: () => world.schedule.nowMs, configurable: true })
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
    value: async (algorithm: unknown, key: webcrypto.CryptoKey, signature: Uint8Array, data: Uint8Array) =>
      Buffer.from(hmac(algorithm, key, data)).equals(signature),
  })
  AbortSignal.timeout = (ms) => {
    const controller = new AbortController()
    timers.setTimeout(() => controller.abort(new DOMException('The operation timed out', 'TimeoutError')), ms)
    return controller.signal
  }
  syncBuiltinESMExports()
}
