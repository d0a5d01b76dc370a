import { setTimeout as delay } from 'node:timers/promises'
import type { Terminal } from './command.ts'

interface PaceOptions {
  /** How many to start each second; Infinity for as fast as possible. */
  readonly perSecond: number
  /** How many may be under way at the same time. */
  readonly concurrency: number
  readonly ending: AbortSignal
}

/**
 * Calls `work` with each item, in order, at a rate and with a bounded number under way. Stops starting new ones when `ending` is
 * aborted, and resolves once those under way have ended. `work` must not reject.
 */
export async function atPace<T>(
  items: Iterable<T> | AsyncIterable<T>,
  work: (item: T) => Promise<void>,
  { perSecond, concurrency, ending }: PaceOptions,
): Promise<void> {
  const underWay = new Set<Promise<void>>()
  const startMs = performance.now()
  let started = 0
  for await (const item of items) {
    while (underWay.size >= concurrency) await Promise.race(underWay)
    const waitMs = startMs + (started / perSecond) * 1_000 - performance.now()
    if (waitMs > 1) await delay(waitMs, undefined, { signal: ending }).catch(() => undefined)
    if (ending.aborted) break
    started++
    const one: Promise<void> = work(item).finally(() => void underWay.delete(one))
    underWay.add(one)
  }
  await Promise.all(underWay)
}

const SHOW_EVERY_MS = 250
const TELL_EVERY_MS = 5_000

/** Returns a function that says how far something is: where a person watches in one line, otherwise every few seconds. */
export function createProgress(
  { show, tell }: Pick<Terminal, 'show' | 'tell'>,
  now = (): number => performance.now(),
): (text: () => string) => void {
  let lastMs = now()
  return (text) => {
    const nowMs = now()
    if (nowMs - lastMs < (show === undefined ? TELL_EVERY_MS : SHOW_EVERY_MS)) return
    lastMs = nowMs
    if (show === undefined) tell(text())
    else show(text())
  }
}

/** How long things took, in ms: at most so many are remembered, drawn at random from all. */
export class Durations {
  readonly #values: number[] = []
  #count = 0

  add(ms: number): void {
    this.#count++
    if (this.#values.length < MAX_DURATIONS) this.#values.push(ms)
    else {
      const i = Math.floor(Math.random() * this.#count)
      if (i < MAX_DURATIONS) this.#values[i] = ms
    }
  }

  /** Undefined if there are none. */
  summary(): { readonly p50: number; readonly p99: number; readonly max: number } | undefined {
    const sorted = this.#values.toSorted((a, b) => a - b)
    const at = (share: number): number =>
      Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) * 10) / 10
    return sorted.length === 0 ? undefined : { p50: at(0.5), p99: at(0.99), max: at(1) }
  }
}

const MAX_DURATIONS = 10_000
