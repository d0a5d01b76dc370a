import assert from 'node:assert/strict'
import type { Entry } from './history.ts'
import { judge } from './judge/judge.ts'
import { CONNECTIONS } from './judge/quiet.ts'
import type { Plan, UserSpec } from './spec.ts'

type Timed = [atMs: number, entry: Omit<Entry, 'atMs'> & Record<string, unknown>]

const room = { group: 'g' }
const listener = 'ann in g'
const of = { listener, life: 1 }
const OVER_MS = 20_000
const END_MS = 60_000
const BASE_MS = 1_000_000

const sent = (atMs: number, id: number, more = {}): Timed => [
  atMs,
  { kind: 'sent', id, group: 'g', seqs: [id], recalledAtMs: BASE_MS + id, ...more },
]
const answered = (atMs: number, id: number, isOk = true): Timed => [
  atMs,
  { kind: 'answered', id, isOk, outcome: '' },
]
const told = (atMs: number, offset: number, more = {}): Timed => [
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
const handled = (atMs: number, offset: number, isDone = true, life = 1): Timed => [
  atMs,
  { kind: 'handled', listener, life, offset, isDone },
]
const state = (atMs: number, kind: string, more = {}): Timed => [
  atMs,
  { kind: 'state', user: 'ann', ...of, state: kind, ...more },
]
const followed = (atMs: number, life = 1, from = 'stored'): Timed => [
  atMs,
  { kind: 'followed', listener, user: 'ann', life, room, by: 'library', from },
]
const gap = (atMs: number, reason: string): Timed => [atMs, { kind: 'gap', ...of, room, reason }]
const fault = (atMs: number, name: string): Timed => [atMs, { kind: 'fault', name }]
const stored = (atMs: number, offset: number): Timed => [
  atMs,
  { kind: 'stored', user: 'ann', life: 1, room, epoch: 'e', offset },
]

const PROCESS = { name: 'all-1', ready: 200, problems: [], timers: 10, connections: 2 }

const found = (seqs: readonly number[], more = {}): Timed => [
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
const plan: Plan = {
  seed: 1,
  shape: { broker: 'redis', alls: 1, receivers: 0, nodes: 0, historySize: 5, latencyMs: 1 },
  users: [user],
  steps: [],
  activeMs: 0,
}

/** Two recalls, both kept, told and handled, by a listener that is live. */
const right = (): Timed[] => [
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
const without = (isLeftOut: (entry: Entry, atMs: number) => boolean, ...added: Timed[]): Timed[] => [
  ...right().filter(([atMs, entry]) => !isLeftOut({ atMs, ...entry } as unknown as Entry, atMs)),
  ...added,
]
const withToo = (...added: Timed[]): Timed[] => without(() => false, ...added)
const withFound = (seqs: readonly number[], more = {}): Timed[] =>
  without(({ kind }) => kind === 'found', found(seqs, more))
const ofTwo = (entry: Entry): boolean =>
  (entry.kind === 'told' || entry.kind === 'handled') && entry.offset === 2

describe('the judge of the simulation', () => {
  const cases: readonly (readonly [what: string, timed: Timed[], rules: string[], plan?: Partial<Plan>])[] = [
    ['everything is right', right(), []],

    ['a kept recall is not recalled', withFound([1]), ['kept']],
    [
      'a refused recall is not recalled',
      without(({ kind }) => kind === 'found', sent(3_000, 3), answered(3_010, 3, false), found([1, 2])),
      [],
    ],
    ['nobody answers at the end', without(({ kind }) => kind === 'found'), ['answers']],
    [
      'an older time is named',
      without(
        ({ kind }) => kind === 'found',
        sent(900, 1, { recalledAtMs: BASE_MS - 1, id: 9 }),
        found([], {
          recalled: [
            {
              group: 'g',
              messages: [
                { seq: 1, atMs: BASE_MS - 1 },
                { seq: 2, atMs: BASE_MS + 2 },
              ],
            },
          ],
        }),
      ),
      ['latest time'],
    ],
    [
      'a dismissed message is still recalled',
      withToo(
        [10_000, { kind: 'dismissed', id: 9, group: 'g', dismissedAtMs: BASE_MS + 50 }],
        [10_001, { kind: 'dismissal answered', id: 9, group: 'g', dismissedAtMs: BASE_MS + 50, isOk: true }],
      ),
      ['dismissed'],
    ],
    [
      'a dismissed message is recalled no longer',
      without(
        ({ kind }) => kind === 'found',
        [10_000, { kind: 'dismissed', id: 9, group: 'g', dismissedAtMs: BASE_MS + 50 }],
        found([]),
      ),
      [],
    ],
    [
      'Redis loses what no disk has yet',
      without(({ kind }) => kind === 'found', fault(1_100, 'everything without power'), found([2])),
      [],
    ],
    [
      'Redis loses what a disk has',
      without(({ kind }) => kind === 'found', fault(5_000, 'everything without power'), found([2])),
      ['kept'],
    ],

    ['a notice is told twice', withToo(told(3_000, 2), handled(3_000, 2)), ['once', 'order']],
    [
      'a message is told in two notices',
      withToo(told(3_000, 3, { seqs: [2], recalledAtMs: BASE_MS + 2 }), handled(3_000, 3)),
      ['once'],
    ],
    [
      'it is told again after it was thrown',
      without(
        (entry) => ofTwo(entry) && entry.kind === 'handled',
        handled(2_020, 2, false),
        told(2_100, 2),
        handled(2_100, 2),
      ),
      [],
    ],
    [
      'it is told again because the log was lost',
      withToo(
        fault(2_900, 'redis emptied'),
        gap(3_000, 'epoch-changed'),
        [3_001, { kind: 'gap handled', ...of, isDone: true, recalled: [{ group: 'g', seqs: [1, 2] }] }],
        told(3_002, 1, { seqs: [2], recalledAtMs: BASE_MS + 2 }),
        handled(3_002, 1),
      ),
      [],
    ],
    [
      'a notice is left out',
      without(ofTwo, told(2_020, 3, { seqs: [2], recalledAtMs: BASE_MS + 2 }), handled(2_020, 3)),
      ['order'],
    ],
    [
      'a page that is opened again is told what it had stored',
      withToo(
        stored(2_021, 2),
        [3_000, { kind: 'killed', user: 'ann', life: 1 }],
        followed(4_000, 2),
        state(4_010, 'live', { life: 2 }),
        told(4_020, 2, { life: 2 }),
        handled(4_020, 2, true, 2),
      ),
      ['once'],
    ],
    [
      'a page that is opened again is told what it had not stored',
      withToo(
        stored(1_021, 1),
        [3_000, { kind: 'killed', user: 'ann', life: 1 }],
        followed(4_000, 2),
        state(4_010, 'live', { life: 2 }),
        told(4_020, 2, { life: 2 }),
        handled(4_020, 2, true, 2),
      ),
      [],
    ],
    [
      'two listeners are told different notices at an offset',
      withToo(
        [150, { ...followed(0)[1], listener: 'second' }],
        state(2_005, 'live', { listener: 'second' }),
        told(2_030, 1, { listener: 'second', seqs: [2], recalledAtMs: BASE_MS + 2 }),
      ),
      ['order'],
    ],
    [
      'one conversation is told in another order than it was sent',
      without(
        (entry) => entry.kind === 'told' || entry.kind === 'handled',
        told(2_020, 1, { seqs: [2], recalledAtMs: BASE_MS + 2 }),
        handled(2_020, 1),
        told(2_030, 2, { seqs: [1], recalledAtMs: BASE_MS + 1 }),
        handled(2_030, 2),
      ),
      ['order'],
    ],
    ['another room is told', withToo(told(3_000, 3, { group: 'other', seqs: [9] })), ['right room', 'true']],
    [
      'a time is told that nobody said',
      without(ofTwo, told(2_020, 2, { recalledAtMs: 5 }), handled(2_020, 2)),
      ['true', 'told', 'true state'],
    ],
    [
      'it is told after it has left',
      withToo(
        [2_500, { kind: 'left', ...of, user: 'ann', room }],
        told(3_000, 3, { seqs: [1], recalledAtMs: BASE_MS + 1 }),
      ),
      ['left'],
    ],

    ['a notice is never told', without(ofTwo), ['told', 'true state']],
    [
      'a notice that was thrown is never told again',
      without((entry) => ofTwo(entry) && entry.kind === 'handled', handled(2_020, 2, false)),
      ['told'],
    ],
    [
      'what was loaded after a gap has it',
      without(ofTwo, fault(2_100, 'redis emptied'), gap(2_200, 'epoch-changed'), [
        2_201,
        { kind: 'gap handled', ...of, isDone: true, recalled: [{ group: 'g', seqs: [1, 2] }] },
      ]),
      [],
    ],
    [
      'what was loaded after a gap does not have it',
      without(ofTwo, fault(2_100, 'redis emptied'), gap(2_200, 'epoch-changed'), [
        2_201,
        { kind: 'gap handled', ...of, isDone: true, recalled: [{ group: 'g', seqs: [1] }] },
      ]),
      ['told', 'true state'],
    ],
    [
      'it is told long after the last fault',
      without(ofTwo, state(2_015, 'stale'), told(50_000, 2), handled(50_000, 2), state(50_001, 'live')),
      ['in time', 'heals'],
    ],
    ['a gap is told for nothing', withToo(gap(3_000, 'epoch-changed')), ['no needless gap']],
    ['a log is trimmed that is not full', withToo(gap(3_000, 'trimmed')), ['no needless gap']],

    [
      'it is live for too long without what is kept',
      without(ofTwo, told(9_000, 2), handled(9_000, 2)),
      ['true state'],
    ],
    [
      'it says that it is stale',
      without(ofTwo, state(4_000, 'stale'), told(9_000, 2), handled(9_000, 2), state(9_001, 'live')),
      [],
    ],
    ['a line is dead', without(ofTwo, fault(1_500, 'line broken'), told(9_000, 2), handled(9_000, 2)), []],
    [
      'the line of somebody else is dead',
      without(
        ofTwo,
        [1_500, { kind: 'fault', name: 'line broken', parts: ['bob', 'node-1'] }],
        told(9_000, 2),
        handled(9_000, 2),
      ),
      ['true state'],
    ],
    ['it never becomes live again', withToo(state(10_000, 'offline')), ['heals']],
    [
      'it is not live for long, without a reason',
      withToo(state(45_000, 'catching-up'), state(52_000, 'live')),
      ['heals'],
    ],
    ['it pauses', withToo(state(50_000, 'offline'), state(51_000, 'live')), []],
    [
      'it is refused',
      withToo(state(10_000, 'refused', { code: 'ROOM_REFUSED' }), state(10_100, 'live')),
      ['not refused'],
    ],
    [
      'it is closed, and nobody has closed it',
      withToo([10_000, { kind: 'state', user: 'ann', life: 1, state: 'closed' }]),
      ['closed'],
    ],

    [
      'a member is told who recalled',
      without(ofTwo, told(2_020, 2, { hasOperator: true }), handled(2_020, 2)),
      ['no operator'],
    ],
    [
      'it is told after its token has ended',
      withToo([0, { kind: 'token', user: 'ann', life: 1, endsAtMs: 500, isAdmin: false, rooms: [room] }]),
      ['granted'],
    ],
    [
      'its token goes on',
      withToo([0, { kind: 'token', user: 'ann', life: 1, endsAtMs: 90_000, isAdmin: false, rooms: [room] }]),
      [],
    ],
    [
      'it is told of a room that nobody granted',
      withToo([
        0,
        { kind: 'token', user: 'ann', life: 1, endsAtMs: 90_000, isAdmin: false, rooms: [{ group: 'h' }] },
      ]),
      ['granted'],
    ],
    [
      'it is told after an operator has taken access away',
      withToo(
        [0, { kind: 'token', user: 'ann', life: 1, endsAtMs: 90_000, isAdmin: false, rooms: [room] }],
        [100, { kind: 'ordered', id: 1, user: 'ann', forMs: 60_000 }],
        [110, { kind: 'order answered', id: 1, isOk: true, outcome: '200' }],
        sent(9_000, 3),
        answered(9_001, 3),
        told(9_002, 3),
        handled(9_002, 3),
        found([1, 2, 3]),
      ),
      ['granted'],
    ],
    [
      'it is told while an answer of the backend holds',
      withToo(
        [50, { kind: 'granted', user: 'ann', room }],
        [60, { kind: 'verdict', user: 'ann', room, isAllowed: true, forMs: 2_500 }],
        [70, { kind: 'revoked', user: 'ann', room }],
      ),
      [],
    ],
    [
      'it is told when the answer of the backend has long ended',
      withToo(
        [50, { kind: 'granted', user: 'ann', room }],
        [60, { kind: 'verdict', user: 'ann', room, isAllowed: true, forMs: 2_500 }],
        [70, { kind: 'revoked', user: 'ann', room }],
        sent(9_000, 3),
        answered(9_001, 3),
        told(9_002, 3),
        handled(9_002, 3),
      ),
      ['kept', 'granted'],
    ],

    [
      'it is told after the only node has begun anew, which knows the order',
      withToo(
        [0, { kind: 'token', user: 'ann', life: 1, endsAtMs: 90_000, isAdmin: false, rooms: [room] }],
        [100, { kind: 'ordered', id: 1, user: 'ann', forMs: 15_000 }],
        [110, { kind: 'order answered', id: 1, isOk: true, outcome: '200' }],
        fault(8_000, 'redis denies a command'),
        fault(8_100, 'gateway crashed'),
        sent(9_000, 3),
        answered(9_001, 3),
        told(9_002, 3),
        handled(9_002, 3),
        found([1, 2, 3]),
      ),
      ['granted'],
    ],
    [
      'a node may not have heard of the order',
      withToo(
        [0, { kind: 'token', user: 'ann', life: 1, endsAtMs: 90_000, isAdmin: false, rooms: [room] }],
        [100, { kind: 'ordered', id: 1, user: 'ann', forMs: 15_000 }],
        [110, { kind: 'order answered', id: 1, isOk: true, outcome: '200' }],
        fault(8_000, 'redis denies a command'),
        sent(9_000, 3),
        answered(9_001, 3),
        told(9_002, 3),
        handled(9_002, 3),
        found([1, 2, 3]),
      ),
      [],
    ],
    [
      'a room is refused when the order has ended',
      withToo(
        [0, { kind: 'token', user: 'ann', life: 1, endsAtMs: 90_000, isAdmin: false, rooms: [room] }],
        [2_100, { kind: 'ordered', id: 1, user: 'ann', room, forMs: 2_000 }],
        [2_110, { kind: 'order answered', id: 1, isOk: true, outcome: '200' }],
        [
          9_000,
          { kind: 'refused', user: 'ann', life: 1, listener, room, code: 'ROOM_REFUSED', retry: false },
        ],
      ),
      ['not refused'],
    ],
    [
      'it is refused for good, since a token has ended',
      withToo(
        [9_900, { kind: 'token', user: 'ann', life: 1, endsAtMs: 9_000, isAdmin: false, rooms: [room] }],
        state(10_000, 'refused', { code: 'TOKEN_EXPIRED' }),
        state(10_100, 'live'),
      ),
      ['not refused', 'granted'],
    ],
    [
      'a connection ends without a word',
      withToo([10_000, { kind: 'ended', user: 'ann', life: 1, hasGoodbye: false }]),
      ['goodbye'],
    ],
    [
      'a connection ends because its line is cut',
      withToo(fault(9_000, 'connections cut'), [
        10_000,
        { kind: 'ended', user: 'ann', life: 1, hasGoodbye: false },
      ]),
      [],
    ],
    [
      'it becomes live although a recall is missing that was kept long before',
      without(ofTwo, state(2_100, 'catching-up'), state(9_000, 'live'), told(9_100, 2), handled(9_100, 2)),
      ['true state'],
    ],
    [
      'one more recall goes to the disk',
      withFound([1, 2], { processes: [{ ...PROCESS, stores: 'on disk' }] }),
      ['quiet'],
    ],
    ['a recall waits on a disk', withFound([1, 2], { spooled: 1 }), ['quiet']],
    ['a process is not ready', withFound([1, 2], { processes: [{ ...PROCESS, ready: 503 }] }), ['quiet']],
    [
      'a process says that something is wrong',
      withFound([1, 2], { processes: [{ ...PROCESS, problems: ['DELIVERY_IN_DOUBT: x'] }] }),
      ['quiet'],
    ],
    ['timers have grown', withFound([1, 2], { processes: [{ ...PROCESS, timers: 5_000 }] }), ['quiet']],
    [
      'connections have grown',
      withFound([1, 2], {
        processes: [{ ...PROCESS, connections: CONNECTIONS.own + CONNECTIONS.lookups + 9 }],
      }),
      ['quiet'],
    ],
    ['channels have grown', withFound([1, 2], { redis: { connections: 2, channels: 99 } }), ['quiet']],
    [
      'an error is logged when all is well',
      withToo([55_000, { kind: 'logged', process: 'all-1', level: 'error', text: 'x' }]),
      ['quiet'],
    ],
    [
      'a secret is logged',
      withToo([3_000, { kind: 'logged', process: 'all-1', level: 'secret', text: 'x' }]),
      ['no secrets'],
    ],
    ['a process crashes', withToo([3_000, { kind: 'crashed', process: 'all-1', error: 'x' }]), ['no crash']],
  ]

  for (const [what, timed, rules, changed] of cases)
    it(`${rules.length === 0 ? 'accepts' : rules.join(', ')}: ${what}`, () => {
      assert.deepEqual(rulesOf(timed, changed).toSorted(), rules.toSorted())
    })
})
