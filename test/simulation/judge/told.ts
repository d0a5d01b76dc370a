import type { Entry } from '../history.ts'
import { dueOf } from './given.ts'
import { healingOf } from './healing.ts'
import { inSeconds } from './violation.ts'
import type { Plan } from '../spec.ts'
import type { Losses } from './losses.ts'
import { NO_MS } from './rights.ts'
import type { Rights } from './rights.ts'
import type { Stretch } from './stretches.ts'
import type { Violation } from './violation.ts'

/** Every listener is given, and handles, each recall that was answered OK, and soon after the last fault. */
export function judgeTold(
  plan: Plan,
  stretches: readonly Stretch[],
  rights: Rights,
  losses: Losses,
  history: readonly Entry[],
): Violation[] {
  const overMs = history.find(({ kind }) => kind === 'all faults over')?.atMs ?? Infinity
  const endMs = history.at(-1)?.atMs ?? 0
  return stretches.flatMap((stretch) => {
    const { listener, user, room, isOpen } = stretch
    const boundMs = healingOf(plan, user, history).toldMs
    if (!isOpen || isRefused(stretch) || !rights.mayHave(user, room, endMs, endMs)) return []
    const wasGranted = rights.surelyHas(user, room, overMs - NO_MS, endMs)
    return dueOf(stretch, losses, history).flatMap(
      ({ recall, keptAtMs, toldAtMs, busyUntilMs, handledAtMs, untilMs }) => {
        if (untilMs < Infinity) return []
        const { key, sentAtMs } = recall
        if (handledAtMs === undefined) {
          const what = `${listener} is never ${toldAtMs === undefined ? 'told' : 'asked again to handle'} message ${key}, answered OK at ${keptAtMs}`
          return [{ rule: 'told', atMs: sentAtMs, what }]
        }
        const tookMs = (toldAtMs ?? 0) - Math.max(overMs, keptAtMs, busyUntilMs)
        if (tookMs <= boundMs || !wasGranted) return []
        const what = `${listener} is told message ${key} ${inSeconds(tookMs)} after the last fault`
        return [{ rule: 'in time', atMs: toldAtMs ?? 0, what }]
      },
    )
  })
}

/** Whether its last state is `refused`, which is judged elsewhere. */
const isRefused = ({ entries }: Stretch): boolean => {
  const last = entries.findLast(({ kind }) => kind === 'state')
  return last?.kind === 'state' && last.state === 'refused'
}
