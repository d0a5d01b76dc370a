import assert from 'node:assert/strict'
import type { Entry } from '../history.ts'
import { judge } from './judge.ts'
import type { Plan, Shape, UserSpec } from '../spec.ts'

export type Timed = [atMs: number, entry: Omit<Entry, 'atMs'> & Record<string, unknown>]

export const room = { group: 'g' }
export const listener = 'ann in g'
export const of = { listener, life: 1 }
const OVER_MS = 20_000
const END_MS = 60_000
export const BASE_MS = 1_000_000

export const sent = (atMs: number, id: number, more = {}): Timed => [
  atMs,
  { kind: 'sent', id, group: 'g', seqs: [id], recalledAtMs: BASE_MS + id, ...more },
]
export const answered = (atMs: number, id: number, isOk = true): Timed => [
  atMs,
  { kind: 'answered', id, isOk, outcome: '' },
]
export const told = (atMs: number, offset: number, more = {}): Timed => [
  atMs,
  {
    kind: 'told',
    ...of,
    room,
    offset,
    group: 'g',
    seqs: [offset],
    recalledAtMs: BASE_MS + offset,
    hasOperator: false,
    ...more,
  },
]
export const handled = (atMs: number, offset: number, isDone = true, life = 1): Timed => [
  atMs,
  { kind: 'handled', listener, life, offset, isDone },
]
export const state = (atMs: number, kind: string, more = {}): Timed => [
  atMs,
  { kind: 'state', user: 'ann', ...of, state: kind, ...more },
]
export const followed = (atMs: number, life = 1, from = 'stored'): Timed => [
  atMs,
  { kind: 'followed', listener, user: 'ann', life, room, by: 'library', from },
]
export const gap = (atMs: number, reason: string): Timed => [atMs, { kind: 'gap', ...of, room, reason }]
export const fault = (atMs: number, name: string): Timed => [atMs, { kind: 'fault', name }]
/** However it was ended. */
export const ended = (atMs: number, process = 'all-1#1'): Timed => [atMs, { kind: 'process ended', process }]
export const stored = (atMs: number, offset: number, epoch = 'e'): Timed => [
  atMs,
  { kind: 'stored', user: 'ann', life: 1, room, epoch, offset },
]

export const PROCESS = { name: 'all-1', ready: 200, problems: [], timers: 10, connections: 2 }

export const found = (seqs: readonly number[], more = {}): Timed => [
  END_MS,
  {
    kind: 'found',
    recalled: [{ group: 'g', messages: seqs.map((seq) => ({ seq, atMs: BASE_MS + seq })) }],
    spooled: 0,
    processes: [PROCESS],
    ...more,
  },
]

const user = {
  name: 'ann',
  by: 'library',
  role: 'member',
  access: 'token',
  rooms: [room],
  listeners: [],
  store: 'session',
  tokens: { lifeMs: 600_000, delayMs: 0, failsEvery: 0, endedEvery: 0, rubbishEvery: 0 },
} as unknown as UserSpec
export const SHAPE: Shape = {
  broker: 'redis',
  alls: 1,
  receivers: 0,
  nodes: 0,
  historySize: 5,
  latencyMs: 1,
  hasEvidenceKey: false,
}
const plan: Plan = {
  seed: 1,
  shape: SHAPE,
  users: [user],
  steps: [],
  activeMs: 0,
}

/** Of a page that sometimes cannot read where it was. */
export const TORN: Partial<Plan> = { users: [{ ...user, store: 'torn' }] }

/** Two recalls, both kept, told and handled, by a listener that is live. */
export const right = (): Timed[] => [
  followed(100),
  state(200, 'live'),
  sent(1_000, 1),
  answered(1_010, 1),
  told(1_020, 1),
  handled(1_020, 1),
  sent(2_000, 2),
  answered(2_010, 2),
  told(2_020, 2),
  handled(2_020, 2),
  [OVER_MS, { kind: 'all faults over' }],
  found([1, 2]),
]

function rulesOf(timed: readonly Timed[], changed: Partial<Plan> = {}): string[] {
  const entries = timed
    .map(([atMs, entry]) => ({ atMs, ...entry }) as unknown as Entry)
    .toSorted((a, b) => a.atMs - b.atMs)
  return [...new Set(judge({ ...plan, ...changed }, entries).map(({ rule }) => rule))]
}

/** The right history without some entries, and with others. */
export const without = (isLeftOut: (entry: Entry, atMs: number) => boolean, ...added: Timed[]): Timed[] => [
  ...right().filter(([atMs, entry]) => !isLeftOut({ atMs, ...entry } as unknown as Entry, atMs)),
  ...added,
]
export const withToo = (...added: Timed[]): Timed[] => without(() => false, ...added)
export const withFound = (seqs: readonly number[], more = {}): Timed[] =>
  without(({ kind }) => kind === 'found', found(seqs, more))
export const ofTwo = (entry: Entry): boolean =>
  (entry.kind === 'told' || entry.kind === 'handled') && entry.offset === 2

/** What it is about, what happened, and the rules that were broken; with another plan than usual. */
export type Case = readonly [what: string, timed: Timed[], rules: string[], plan?: Partial<Plan>]

/** A test for each. */
export function itJudges(cases: readonly Case[]): void {
  for (const [what, timed, rules, changed] of cases)
    it(`${rules.length === 0 ? 'accepts' : rules.join(', ')}: ${what}`, () => {
      assert.deepEqual(rulesOf(timed, changed).toSorted(), rules.toSorted())
    })
}
