import { real } from './real.ts'
import { OUTSIDE } from './schedule.ts'
import type { Schedule, SimProcess } from './schedule.ts'
import { START_MS, world } from './world.ts'

// The clocks of a process, which are those of the run: of the wall, set as its machine has it, and since its start.

const wallMs = (): number =>
  START_MS + Math.floor(world.schedule.nowMs) + world.schedule.current.clockOffsetMs

/** Called without arguments, it takes the time from the run; otherwise it is Node's own. */
export const SimDate: DateConstructor = new Proxy(real.Date, {
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

const LOAD_PERIOD_MS = 1_000
const BUSY_MS = 700

/**
 * Code takes no time here. Most of the time, the event loop says that it is busy, so that what depends on it is tried both ways.
 */
export function eventLoopUtilization(): { readonly active: number } {
  const nowMs = monotonicMs()
  const intoPeriodMs = nowMs % LOAD_PERIOD_MS
  const periods = (nowMs - intoPeriodMs) / LOAD_PERIOD_MS
  return { active: periods * BUSY_MS + Math.min(intoPeriodMs, BUSY_MS) }
}

/** Counts from the start of the process, so that what one process says means nothing to another. */
export function monotonicMs(): number {
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

export function hrtime(since?: readonly [number, number]): [number, number] {
  const elapsed = nanoseconds() - (since ? BigInt(since[0]) * 1_000_000_000n + BigInt(since[1]) : 0n)
  return [Number(elapsed / 1_000_000_000n), Number(elapsed % 1_000_000_000n)]
}
hrtime.bigint = nanoseconds
