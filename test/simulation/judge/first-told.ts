import type { Entry, EntryOf } from '../history.ts'
import type { EvidenceEntry } from '../history/evidence.ts'
import { filesOf } from './chain.ts'
import { faultEndMs } from './fault-ends.ts'
import type { Losses } from './losses.ts'
import { grouped, nameOf } from './recalls.ts'
import type { Violation } from './violation.ts'

type File = EntryOf<'evidence'>

/** What a fault has disturbed is right again by then. */
const AFTER_FAULT_MS = 20_000
/** A note that a node has made is kept by then, unless the node ends. */
const NOTED_MS = 4_000

/**
 * A recall is first told when somebody is told it: not before it was kept, not later than anybody has seen it; and that stays as it is
 * while its log lives. Clocks that are wrong, and what Redis has lost, are an excuse.
 */
export function judgeFirstTold(losses: Losses, history: readonly Entry[]): Violation[] {
  const files = filesOf(history)
  if (files.length === 0 || history.some(({ kind }) => kind === 'clock')) return []
  const isCalm = calmIn(history)
  const told = grouped(
    history.filter((entry): entry is EntryOf<'told'> => entry.kind === 'told'),
    ({ room }) => nameOf(room),
  )
  return [...grouped(files, ({ room }) => nameOf(room))].flatMap(([room, ofRoom]) =>
    ofRoom.flatMap((file, i) => {
      if (losses.mayHaveLostBy(file.atMs)) return []
      const before = notesIn(ofRoom.slice(0, i).findLast(({ status }) => status === 200))
      return file.entries.flatMap((entry) => {
        const seen = (told.get(room) ?? []).filter(
          (one) => isSame(one, entry) && one.atMs < file.askedAtMs - NOTED_MS,
        )
        const what = problemOf(entry, before.get(entry.link ?? ''), seen.filter(isCalm))
        return what === undefined
          ? []
          : [{ rule: 'first told', atMs: file.atMs, what: `${entry.offset} of ${room} ${what}` }]
      })
    }),
  )
}

function problemOf(
  { keptAtMs, toldAtMs }: EvidenceEntry,
  before: number | undefined,
  seen: readonly EntryOf<'told'>[],
): string | undefined {
  if (toldAtMs !== undefined && keptAtMs !== null && toldAtMs < keptAtMs)
    return `was kept at ${keptAtMs}, and told before, at ${toldAtMs}`
  if (before !== undefined && (toldAtMs === undefined || toldAtMs > before))
    return `was first told at ${before}, and now at ${toldAtMs ?? 'no time'}`
  const [first] = seen
  if (first === undefined) return undefined
  if (toldAtMs === undefined) return `was told to ${first.listener}, and nobody noted it`
  return undefined
}

const notesIn = (file: File | undefined): ReadonlyMap<string, number> =>
  new Map(
    (file?.entries ?? []).flatMap(({ link, toldAtMs }) =>
      link !== null && toldAtMs !== undefined ? [[link, toldAtMs] as const] : [],
    ),
  )

const isSame = (one: EntryOf<'told'>, { offset, recall }: EvidenceEntry): boolean =>
  one.offset === offset &&
  one.group === recall.group &&
  one.topic === recall.topic &&
  one.recalledAtMs === recall.recalledAtMs &&
  one.seqs.join() === recall.seqs.join()

/** Whether nothing has kept a node from noting what it told. */
function calmIn(history: readonly Entry[]): (told: EntryOf<'told'>) => boolean {
  const spans = history.flatMap((entry) => {
    if (entry.kind === 'process ended') return [{ fromMs: entry.atMs, untilMs: entry.atMs }]
    if (entry.kind !== 'fault') return []
    return [{ fromMs: entry.atMs, untilMs: (faultEndMs(entry, history) ?? entry.atMs) + AFTER_FAULT_MS }]
  })
  return ({ atMs }) => !spans.some(({ fromMs, untilMs }) => fromMs <= atMs + NOTED_MS && untilMs >= atMs)
}
