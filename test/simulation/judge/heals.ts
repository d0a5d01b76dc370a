import type { Entry } from '../history.ts'
import type { Plan } from '../spec.ts'
import { inSeconds } from './violation.ts'
import { healingOf } from './healing.ts'
import { NO_MS } from './rights.ts'
import type { Rights } from './rights.ts'
import type { Stretch } from './stretches.ts'
import type { Violation } from './violation.ts'

/** Once it is live, it is so again after a short pause, as when a token ends. */
const PAUSE_MS = 5_000
/** Every order is over by then. */
const ENDED_MS = 8_000

/**
 * Every listener that has a right to its room becomes live soon after the last fault, and stays it, but for what the app takes: for
 * a token, or for a notice.
 */
export function judgeHeals(
  plan: Plan,
  stretches: readonly Stretch[],
  rights: Rights,
  history: readonly Entry[],
): Violation[] {
  const overMs = history.find(({ kind }) => kind === 'all faults over')?.atMs
  const end = history.at(-1)
  if (overMs === undefined || end === undefined) return []
  return stretches.flatMap((stretch) => {
    const { listener, user, room, entries, isOpen } = stretch
    const spec = plan.users.find(({ name }) => name === user)
    const tokenMs = spec?.tokens.delayMs ?? 0
    // A right that was taken is given back by the last fault.
    const wasTaken = !rights.surelyHas(user, room, overMs - NO_MS, end.atMs)
    const isBack = rights.surelyHas(user, room, overMs + ENDED_MS, end.atMs)
    if (!isOpen || (wasTaken && !isBack)) return []
    return pausesOf(entries, end.atMs).flatMap(({ fromMs, untilMs, state }) => {
      const allowedUntilMs = Math.max(
        overMs + (wasTaken ? ENDED_MS + NO_MS : healingOf(plan, user, history).liveMs),
        fromMs + PAUSE_MS + tokenMs,
      )
      if (untilMs <= allowedUntilMs) return []
      const what = `${listener} is ${state} ${inSeconds(untilMs - overMs)} after the last fault, since ${fromMs}`
      return [{ rule: 'heals', atMs: fromMs, what }]
    })
  })
}

/** What the client says when it waits for its listeners, or has asked too often. */
const OF_THE_APP = /^a listener|^`load` failed|gap is not dealt with|MEMBERSHIP_UNKNOWN/

interface Pause {
  readonly fromMs: number
  readonly untilMs: number
  readonly state: string
}

/** When it was not live, up to the end. */
function pausesOf(entries: Stretch['entries'], endMs: number): Pause[] {
  const pauses: Pause[] = []
  let pause: { fromMs: number; state: string } | undefined
  for (const entry of entries) {
    if (entry.kind === 'state' && entry.state === 'live') {
      if (pause) pauses.push({ ...pause, untilMs: entry.atMs })
      pause = undefined
    } else if (entry.kind === 'state' && OF_THE_APP.test(entry.reason ?? '')) pause = undefined
    else if (entry.kind === 'state' || entry.kind === 'followed') {
      const state =
        entry.kind === 'state' ? `${entry.state} (${entry.code ?? entry.reason ?? ''})` : 'connecting'
      // While it tries, it goes from one state to another.
      pause = { fromMs: pause?.fromMs ?? entry.atMs, state }
    } else if (entry.kind === 'killed' || entry.kind === 'closed' || entry.kind === 'left') pause = undefined
  }
  if (pause) pauses.push({ ...pause, untilMs: endMs })
  return pauses
}
