import type { Entry } from '../history.ts'
import { inSeconds } from './violation.ts'
import type { Violation } from './violation.ts'

/** Errors may follow a fault for so long: what hangs is given up, and told. */
const ERRORS_AFTER_FAULTS_MS = 10_000

/** No log has secrets, and no errors once all is well. */
export function judgeLogs(history: readonly Entry[]): Violation[] {
  const overMs = history.find(({ kind }) => kind === 'all faults over')?.atMs ?? Infinity
  return history.flatMap((entry) => {
    if (entry.kind !== 'logged') return []
    const { atMs, process, text } = entry
    if (entry.level === 'secret')
      return [{ rule: 'no secrets', atMs, what: `${process} logged a secret: ${text}` }]
    if (atMs <= overMs + ERRORS_AFTER_FAULTS_MS) return []
    const what = `${process} logged an error ${inSeconds(atMs - overMs)} after the last fault: ${text}`
    return [{ rule: 'quiet', atMs, what }]
  })
}
