import type { Entry } from '../history.ts'
import type { Violation } from './violation.ts'

/** No process ends by an error that nothing caught. */
export const judgeCrashes = (history: readonly Entry[]): Violation[] =>
  history.flatMap((entry) =>
    entry.kind === 'crashed'
      ? [{ rule: 'no crash', atMs: entry.atMs, what: `${entry.process}: ${entry.error}` }]
      : [],
  )
