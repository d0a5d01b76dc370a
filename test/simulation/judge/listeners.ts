import type { Entry, Told } from '../history.ts'
import { isFeed } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { Plan } from '../plan.ts'
import type { Violation } from './violation.ts'

interface Message {
  readonly group: string
  readonly topic: string | undefined
  readonly seq: number
}

/** At the end of a run each listener is live, but for shorter pauses. */
const PAUSE_MS = 5_000

const keyOf = ({ group, topic, seq }: Message): string => `${group}/${topic ?? ''}/${seq}`

const includes = (room: Room, group: string, topic: string | undefined): boolean =>
  isFeed(room) || (room.group === group && (room.topic === undefined || room.topic === topic))

/** What one listener of one user went through, over all lives of the user. */
interface Listening {
  readonly name: string
  readonly room: Room
  readonly entries: Entry[]
}

/** Each listener is told each recall of its room once, in order, or is told of a gap. */
export function judgeListeners(plan: Plan, history: readonly Entry[]): Violation[] {
  const byListener = new Map<string, Listening>()
  const lifeEnds = new Map<string, number>()
  for (const entry of history) {
    if (entry.kind === 'followed') {
      const known = byListener.get(entry.listener)
      if (known === undefined)
        byListener.set(entry.listener, { name: entry.listener, room: entry.room, entries: [entry] })
      else known.entries.push(entry)
    } else if ('listener' in entry && entry.listener !== undefined)
      byListener.get(entry.listener)?.entries.push(entry)
    if (entry.kind === 'closed' || entry.kind === 'killed')
      lifeEnds.set(`${entry.user} ${entry.life}`, entry.atMs)
  }
  return [...byListener.values()].flatMap((listening) => [
    ...judgeRepeats(listening),
    ...judgeMissing(plan, history, listening),
  ])
}

function judgeRepeats({ name, entries }: Listening): Violation[] {
  const violations: Violation[] = []
  /** How far each message has come since the last gap, and in which life. */
  let told = new Map<string, { isDone: boolean; life: number }>()
  let lastTold: { readonly told: Told; readonly atMs: number } | undefined
  const byOffset = new Map<number, Told>()
  for (const entry of entries) {
    if (entry.kind === 'gap') told = new Map()
    if (entry.kind === 'told') {
      lastTold = { told: entry, atMs: entry.atMs }
      byOffset.set(entry.offset, entry)
      for (const seq of entry.seqs) {
        const key = keyOf({ group: entry.group, topic: entry.topic, seq })
        const before = told.get(key)
        if (before?.isDone && before.life === entry.life)
          violations.push({ rule: 'once', atMs: entry.atMs, what: `${name} is told ${key} again` })
        told.set(key, { isDone: false, life: entry.life })
      }
    }
    if (entry.kind === 'handled' && entry.isDone) {
      const handled = byOffset.get(entry.offset)
      for (const seq of handled?.seqs ?? []) {
        const at = told.get(keyOf({ group: handled?.group ?? '', topic: handled?.topic, seq }))
        if (at) at.isDone = true
      }
    }
  }
  void lastTold
  return violations
}

/** From the first moment at which it was live, a listener must be told everything that was confirmed later. */
function judgeMissing(
  plan: Plan,
  history: readonly Entry[],
  { name, room, entries }: Listening,
): Violation[] {
  const [first] = entries
  if (first?.kind !== 'followed') return []
  const user = plan.users.find((spec) => spec.name === first.user)
  // A user who keeps no positions begins anew with each page.
  const life =
    user?.store === 'memory' ? Math.max(...entries.map((entry) => ('life' in entry ? entry.life : 0))) : 0
  const own = entries.filter((entry) => !('life' in entry) || life === 0 || entry.life === life)
  const live = own.find((entry) => entry.kind === 'state' && entry.state === 'live')
  if (live === undefined) return [{ rule: 'heals', atMs: 0, what: `${name} was never live` }]
  const violations: Violation[] = []
  // A token that ends brings a short pause.
  const endMs = history.findLast((entry) => entry.kind === 'found')?.atMs ?? Infinity
  const lastState = own.findLast((entry) => entry.kind === 'state' && entry.atMs < endMs - PAUSE_MS)
  const isLiveLate = own.some(
    (entry) => entry.kind === 'state' && entry.atMs >= endMs - PAUSE_MS && entry.state === 'live',
  )
  if (lastState?.kind === 'state' && lastState.state !== 'live' && !isLiveLate)
    violations.push({
      rule: 'heals',
      atMs: lastState.atMs,
      what: `${name} is ${lastState.state} at the end: ${lastState.reason ?? ''}`,
    })
  const lastGapMs = own.findLast((entry) => entry.kind === 'gap')?.atMs ?? -Infinity
  const heard = new Set(
    own.flatMap((entry) =>
      entry.kind === 'told'
        ? entry.seqs.map((seq) => keyOf({ group: entry.group, topic: entry.topic, seq }))
        : [],
    ),
  )
  const answeredAt = new Map(
    history.flatMap((entry) =>
      entry.kind === 'answered' && entry.isOk ? [[entry.id, entry.atMs] as const] : [],
    ),
  )
  for (const entry of history) {
    if (entry.kind !== 'sent' || !includes(room, entry.group, entry.topic)) continue
    const answeredAtMs = answeredAt.get(entry.id)
    if (answeredAtMs === undefined || entry.atMs < live.atMs || entry.atMs < lastGapMs) continue
    for (const seq of entry.seqs) {
      const key = keyOf({ group: entry.group, topic: entry.topic, seq })
      if (!heard.has(key))
        violations.push({ rule: 'told', atMs: entry.atMs, what: `${name} is never told ${key}` })
    }
  }
  return violations
}
