import { createHash } from 'node:crypto'
import type { Entry, EntryOf } from '../history.ts'
import type { EvidenceEntry } from '../history/evidence.ts'
import type { Plan } from '../spec.ts'
import type { Losses } from './losses.ts'
import { dismissalsOf, grouped, nameOf } from './recalls.ts'
import type { Violation } from './violation.ts'

type File = EntryOf<'evidence'>

/**
 * Each entry of a log has the link that follows from it and from the link before, as far back as anybody has seen the log; every file of
 * evidence verifies; and at the end there is one of each room. Written from the documents.
 */
export function judgeChain({ shape }: Plan, losses: Losses, history: readonly Entry[]): Violation[] {
  const files = filesOf(history)
  const wasDismissed = dismissedIn(history)
  const found = history.find(({ kind }) => kind === 'found')
  const isMissing = shape.hasEvidenceKey && found !== undefined && !files.some(({ isLast }) => isLast)
  return [
    ...(isMissing
      ? [{ rule: 'evidence', atMs: found.atMs, what: 'nobody could take evidence at the end' }]
      : []),
    ...[...grouped(files, ({ room }) => nameOf(room)).values()].flatMap((ofRoom) => [
      ...ofRoom.flatMap(judgeFile),
      ...ofRoom.flatMap((file) => judgeBeginnings(file, losses, wasDismissed)),
      ...ofRoom.flatMap(judgeLinks),
      ...ofRoom.flatMap((file, i) => judgeAgain(ofRoom.slice(0, i), file, losses)),
    ]),
  ]
}

export const filesOf = (history: readonly Entry[]): File[] =>
  history.filter((entry): entry is File => entry.kind === 'evidence')

function dismissedIn(history: readonly Entry[]): (file: File) => boolean {
  const dismissals = dismissalsOf(history)
  return ({ room, atMs }) =>
    !('feed' in room) && (dismissals.get(room.group ?? '')?.fromMs ?? Infinity) <= atMs
}

function judgeFile({ atMs, room, status, verdict, isComplete, isLast }: File): Violation[] {
  const about = `a file of evidence about ${nameOf(room)}`
  if (status === 200 && verdict !== 'verified')
    return [{ rule: 'evidence', atMs, what: `${about} does not verify: ${verdict}` }]
  if (!isLast || (status === 200 && isComplete)) return []
  return [{ rule: 'evidence', atMs, what: `${about} cannot be had whole at the end (status ${status})` }]
}

/** Before anything was lost, or a group was dismissed, there is one chain from the first entry on. */
function judgeBeginnings(file: File, losses: Losses, wasDismissed: (file: File) => boolean): Violation[] {
  const { atMs, room, entries } = file
  if (losses.mayHaveLostBy(atMs) || wasDismissed(file)) return []
  return entries.flatMap(({ offset, epoch }) =>
    offset > 1 && epoch !== undefined
      ? [{ rule: 'chain', atMs, what: `a chain begins anew at ${offset} of ${nameOf(room)}` }]
      : [],
  )
}

function judgeLinks({ atMs, room, entries }: File): Violation[] {
  return entries.flatMap((entry, i) => {
    const before = entries[i - 1]
    if (before !== undefined && before.offset + 1 !== entry.offset)
      return [
        {
          rule: 'chain',
          atMs,
          what: `nothing is between ${before.offset} and ${entry.offset} of ${nameOf(room)}`,
        },
      ]
    return followsFrom(before?.link, entry)
      ? []
      : [{ rule: 'chain', atMs, what: `the link of ${entry.offset} of ${nameOf(room)} does not follow` }]
  })
}

/** Whether its link is right; `previous` is undefined if the one before is not known. */
function followsFrom(previous: string | null | undefined, entry: EvidenceEntry): boolean {
  const { offset, keptAtMs, subset, digest, link, epoch } = entry
  if (link === null || keptAtMs === null) return false
  const before = epoch === undefined ? previous : `epoch ${epoch}`
  // It is the first that the log still holds.
  if (before === undefined) return true
  const covered = `${before}:${offset}:${keptAtMs}:${subset}:${digest}`
  return before !== null && createHash('sha1').update(covered).digest('hex') === link
}

/** What a log once held is in it for ever, with the same link, while it is the same log and nothing was lost. */
function judgeAgain(earlier: readonly File[], file: File, losses: Losses): Violation[] {
  const { atMs, room, epoch, entries } = file
  const before = earlier.findLast(
    (one) => one.status === 200 && one.epoch === epoch && one.entries.length > 0,
  )
  const first = entries[0]
  if (before === undefined || first === undefined || losses.mayHaveLostBy(atMs)) return []
  const known = new Map(before.entries.map((one) => [one.offset, one]))
  const changed = entries.find((entry) => {
    const one = known.get(entry.offset)
    return one !== undefined && (one.link !== entry.link || one.digest !== entry.digest)
  })
  if (changed !== undefined)
    return [
      { rule: 'chain', atMs, what: `entry ${changed.offset} of ${nameOf(room)} is another one than before` },
    ]
  const last = before.entries.at(-1)
  const isNext = last !== undefined && last.offset + 1 === first.offset
  return !isNext || followsFrom(last.link, first)
    ? []
    : [
        {
          rule: 'chain',
          atMs,
          what: `the link of ${first.offset} of ${nameOf(room)} does not follow from before`,
        },
      ]
}
