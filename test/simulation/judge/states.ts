import type { Entry } from '../history.ts'
import type { Plan } from '../plan.ts'
import type { Violation } from './violation.ts'

/** A user with a valid token is never refused for good. */
export const judgeStates = (_plan: Plan, history: readonly Entry[]): Violation[] =>
  history.flatMap((entry) =>
    (entry.kind === 'state' && entry.state === 'refused') || (entry.kind === 'refused' && !entry.retry)
      ? [{ rule: 'not refused', atMs: entry.atMs, what: `${entry.user}: ${JSON.stringify(entry)}` }]
      : [],
  )
