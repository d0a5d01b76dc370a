import type { EntryOf } from '../history.ts'
import { dismissalsOf, keyOf, nameOf } from './recalls.ts'
import type { Dismissal } from './recalls.ts'
import type { Stretch } from './stretches.ts'
import type { Entry } from '../history.ts'
import type { Violation } from './violation.ts'

interface Told {
  readonly offset: number
  readonly recalledAtMs: number
  readonly life: number
  isDone: boolean
}

/**
 * A listener is told nothing twice, and leaves nothing out: offsets follow each other. Told again is only what it has not
 * handled, or what the store did not have when its page was opened again; what was recalled anew since; and, after a gap because the log
 * was lost, anything.
 */
export function judgeOnce(stretches: readonly Stretch[], history: readonly Entry[]): Violation[] {
  const dismissals = dismissalsOf(history)
  return stretches.flatMap((stretch) => judgeStretch(stretch, dismissals, history))
}

function judgeStretch(
  { listener, user, room, entries }: Stretch,
  dismissals: ReadonlyMap<string, Dismissal>,
  history: readonly Entry[],
): Violation[] {
  const violations: Violation[] = []
  /** Every telling of a message, by the notice. */
  let told = new Map<string, Map<number, Told>>()
  /** The last notice that it was told, or the last one that it had handled when it began to follow again. */
  let last: { readonly offset: number; isDone: boolean } | undefined
  let lastDone: number | undefined
  let isNewStart = true
  let leftAtMs: number | undefined
  let storedOffset = -1
  const report = (atMs: number, rule: string, what: string): void =>
    void violations.push({ rule, atMs, what: `${listener} ${what}` })

  function judgeOffset({ atMs, offset }: EntryOf<'told'>): void {
    if (last === undefined) return
    const isRight = isNewStart
      ? offset <= last.offset + 1
      : offset === last.offset + 1 || (offset === last.offset && !last.isDone)
    if (!isRight) report(atMs, 'order', `is told notice ${offset} after notice ${last.offset}`)
  }

  function judgeMessages(entry: EntryOf<'told'>): void {
    for (const seq of entry.seqs) {
      const key = keyOf(entry, seq)
      const tellings = told.get(key) ?? new Map<number, Told>()
      told.set(key, tellings)
      const same = tellings.get(entry.offset)
      const before =
        same ?? [...tellings.values()].find(({ recalledAtMs }) => entry.recalledAtMs <= recalledAtMs)
      if (before) {
        // The feed is told again of what was recalled before its group was dismissed.
        const { fromMs = Infinity, maybeMs = -Infinity } = dismissals.get(entry.group) ?? {}
        const isForgotten = entry.atMs >= fromMs && entry.recalledAtMs <= maybeMs
        const mayRepeat =
          isForgotten || (same && (!same.isDone || (same.life !== entry.life && entry.offset > storedOffset)))
        if (!mayRepeat)
          report(
            entry.atMs,
            'once',
            `is told message ${key} again (notice ${before.offset}, ${entry.offset})`,
          )
      }
      tellings.set(entry.offset, {
        offset: entry.offset,
        recalledAtMs: entry.recalledAtMs,
        life: entry.life,
        isDone: false,
      })
    }
  }

  for (const entry of entries) {
    if (entry.kind === 'followed') {
      isNewStart = true
      // One that subscribes anew inside its call has that notice in hand: it may be told it again, and need not.
      if (last !== undefined && entry.atMs === leftAtMs) lastDone = last.offset
      last = lastDone === undefined ? undefined : { offset: lastDone, isDone: true }
      leftAtMs = undefined
      storedOffset =
        entry.from === 'kept' ? Infinity : (lastStored(history, user, nameOf(room), entry.atMs)?.offset ?? -1)
    } else if (entry.kind === 'left') leftAtMs = entry.atMs
    else if (entry.kind === 'gap') {
      last = lastDone = undefined
      storedOffset = -1
      const isOtherLog =
        entry.reason === 'position-unreadable' && beginsAnew(history, user, nameOf(room), entry.atMs)
      if (entry.reason === 'epoch-changed' || entry.reason === 'load' || isOtherLog) told = new Map()
    } else if (entry.kind === 'told') {
      judgeOffset(entry)
      judgeMessages(entry)
      last = { offset: entry.offset, isDone: false }
      isNewStart = false
    } else if (entry.kind === 'skipped' || (entry.kind === 'handled' && entry.isDone)) {
      if (last?.offset === entry.offset) last.isDone = true
      lastDone = entry.offset
      for (const tellings of told.values()) {
        const one = tellings.get(entry.offset)
        if (one) one.isDone = true
      }
    }
  }
  return violations
}

/** What the store of a user was given last until a time. */
const lastStored = (
  history: readonly Entry[],
  user: string,
  room: string,
  untilMs: number,
): EntryOf<'stored'> | undefined =>
  history.findLast(
    (one): one is EntryOf<'stored'> =>
      one.kind === 'stored' && one.atMs <= untilMs && one.user === user && nameOf(one.room) === room,
  )

/** Whether what is stored after a gap is of another log: the one before was lost while the listener could not read where it was. */
function beginsAnew(history: readonly Entry[], user: string, room: string, gapAtMs: number): boolean {
  const before = lastStored(history, user, room, gapAtMs)
  const after = history.find(
    (one): one is EntryOf<'stored'> =>
      one.kind === 'stored' && one.atMs >= gapAtMs && one.user === user && nameOf(one.room) === room,
  )
  return before !== undefined && after !== undefined && before.epoch !== after.epoch
}
