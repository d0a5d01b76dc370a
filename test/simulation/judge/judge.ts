import type { Entry } from '../history.ts'
import type { Plan } from '../plan.ts'
import { judgeCrashes } from './crashes.ts'
import { judgeListeners } from './listeners.ts'
import { judgeKept } from './kept.ts'
import { judgeStates } from './states.ts'
import type { Violation } from './violation.ts'

/** Compares the history of a run with what is promised. Shares nothing with the gateway. */
export const judge = (plan: Plan, history: readonly Entry[]): readonly Violation[] => [
  ...judgeCrashes(history),
  ...judgeKept(history),
  ...judgeListeners(plan, history),
  ...judgeStates(plan, history),
]
