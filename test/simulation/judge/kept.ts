import type { Entry } from '../history.ts'
import type { Violation } from './violation.ts'

/** Each recall that was answered OK is in the recalled set at the end, and nothing waits on a disk any more. */
export function judgeKept(history: readonly Entry[]): Violation[] {
  const found = history.find((entry) => entry.kind === 'found')
  if (found?.kind !== 'found') return [{ rule: 'heals', atMs: 0, what: 'nobody could ask at the end' }]
  const { atMs } = found
  const recalled = new Set(
    found.recalled.flatMap(({ group, topic, messages }) =>
      messages.map(({ seq }) => `${group}/${topic ?? ''}/${seq}`),
    ),
  )
  const confirmed = new Set(
    history.flatMap((entry) => (entry.kind === 'answered' && entry.isOk ? [entry.id] : [])),
  )
  const missing = history.flatMap((entry) =>
    entry.kind === 'sent' && confirmed.has(entry.id)
      ? entry.seqs
          .filter((seq) => !recalled.has(`${entry.group}/${entry.topic ?? ''}/${seq}`))
          .map((seq) => ({
            rule: 'kept',
            atMs: entry.atMs,
            what: `seq ${seq} of ${entry.group} was confirmed, and is not recalled`,
          }))
      : [],
  )
  const spooled =
    found.spooled === 0 ? [] : [{ rule: 'heals', atMs, what: `${found.spooled} recalls wait on a disk` }]
  return [...missing, ...spooled]
}
