import type { webcrypto } from 'node:crypto'
import { createRequire, syncBuiltinESMExports } from 'node:module'
import { eventLoopUtilization, hrtime, monotonicMs, SimDate } from './clocks.ts'
import { bytesOf, fillRandomly, hmac, randomBytes, randomInt, randomUUID } from './cryptography.ts'
import type { Bytes } from './cryptography.ts'
import { timers, waits } from './timers.ts'
import type { WaitOptions } from './timers.ts'
import { world } from './world.ts'

const require = createRequire(import.meta.url)

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
  Object.defineProperty(performance, 'eventLoopUtilization', {
    value: eventLoopUtilization,
    configurable: true,
  })
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
