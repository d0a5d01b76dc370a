import type { Entry } from '../history.ts'
import type { Violation } from './violation.ts'

/** Who has left is told nothing more. */
export function judgeLeft(history: readonly Entry[]): Violation[] {
  const following = new Set<string>()
  return history.flatMap((entry) => {
    if (entry.kind === 'followed') following.add(entry.listener)
    if (entry.kind === 'left') following.delete(entry.listener)
    if ((entry.kind !== 'told' && entry.kind !== 'gap') || following.has(entry.listener)) return []
    const what = entry.kind === 'told' ? `notice ${entry.offset}` : `a gap (${entry.reason})`
    return [{ rule: 'left', atMs: entry.atMs, what: `${entry.listener} has left, and is told ${what}` }]
  })
}
