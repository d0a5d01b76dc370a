import {
  answered,
  BASE_MS,
  ended,
  fault,
  followed,
  found,
  gap,
  handled,
  itJudges,
  of,
  ofTwo,
  right,
  room,
  sent,
  SHAPE,
  state,
  stored,
  told,
  TORN,
  withFound,
  without,
  withToo,
} from './right-history.ts'
import type { Case, Timed } from './right-history.ts'

/** The second recall is told before the first. `during`: a fault, from when to when. */
const overtaken = (during?: readonly [fromMs: number, untilMs: number, name: string]): Timed[] =>
  without(
    ({ kind }) => kind === 'told' || kind === 'handled',
    told(2_020, 1, { seqs: [2], recalledAtMs: BASE_MS + 2 }),
    handled(2_020, 1),
    told(2_030, 2, { seqs: [1], recalledAtMs: BASE_MS + 1 }),
    handled(2_030, 2),
    ...(during === undefined
      ? []
      : [fault(during[0], during[2]), [during[1], { kind: 'fault over', name: during[2] }] as Timed]),
  )

describe('the judge of what listeners are told', () => {
  itJudges([
    ['everything is right', right(), []],

    ['a kept recall is not recalled', withFound([1]), ['kept']],
    [
      'a recall is gone of which a full disk took no copy, though another disk had room again',
      without(
        ({ kind }) => kind === 'found',
        [900, { kind: 'fault', name: 'disk full', detail: 9_000 }],
        [950, { kind: 'fault', name: 'disk full', detail: 20 }],
        [970, { kind: 'fault over', name: 'disk full', detail: 20 }],
        ended(8_000),
        fault(9_000, 'redis emptied'),
        [9_900, { kind: 'fault over', name: 'disk full', detail: 9_000 }],
        found([2]),
      ),
      [],
    ],
    ...(['all-1#1', 'node-1#1'] as const).map((process): Case => [
      `a recall is gone that was stored with a full disk while a process was stopping, ${process}`,
      without(
        ({ kind }) => kind === 'found',
        [900, { kind: 'fault', name: 'disk full', detail: 600 }],
        [1_500, { kind: 'fault over', name: 'disk full', detail: 600 }],
        fault(400, 'gateway stopped'),
        ended(1_400, process),
        fault(9_000, 'redis emptied'),
        found([2]),
      ),
      process === 'all-1#1' ? [] : ['kept'],
    ]),
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
    ...([10_100, 15_000] as const).map((endedAtMs): Case => [
      `a message is still recalled whose group was dismissed before the power went at ${endedAtMs}`,
      withToo(
        [10_000, { kind: 'dismissed', id: 9, group: 'g', dismissedAtMs: BASE_MS + 50 }],
        [10_001, { kind: 'dismissal answered', id: 9, group: 'g', dismissedAtMs: BASE_MS + 50, isOk: true }],
        fault(endedAtMs, 'everything without power'),
        ended(endedAtMs),
      ),
      endedAtMs === 10_100 ? [] : ['dismissed'],
    ]),
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
      without(
        ({ kind }) => kind === 'found',
        fault(1_100, 'everything without power'),
        ended(1_100),
        found([2]),
      ),
      [],
    ],
    ...([1_100, 1_900] as const).map((frozenMs): Case => [
      `Redis loses what the receiver has held since it was frozen, at ${frozenMs}`,
      without(
        ({ kind }) => kind === 'found',
        [frozenMs, { kind: 'fault', name: 'gateway frozen', detail: 6_000 }],
        [frozenMs + 6_000, { kind: 'fault over', name: 'gateway frozen', detail: 6_000 }],
        fault(5_000, 'everything without power'),
        ended(5_000),
        found([2]),
      ),
      frozenMs === 1_100 ? [] : ['kept'],
    ]),
    [
      'Redis loses what a disk has',
      without(
        ({ kind }) => kind === 'found',
        fault(5_000, 'everything without power'),
        ended(5_000),
        found([2]),
      ),
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
    ...(['e', 'f'] as const).map(
      (epoch) =>
        [
          `it is told again after its position could not be read, in the log ${epoch} that followed e`,
          withToo(
            stored(2_020, 2),
            fault(2_900, 'redis emptied'),
            gap(3_000, 'position-unreadable'),
            [3_001, { kind: 'gap handled', ...of, isDone: true, recalled: [{ group: 'g', seqs: [1, 2] }] }],
            stored(3_001, 0, epoch),
            told(3_002, 1, { seqs: [2], recalledAtMs: BASE_MS + 2 }),
            handled(3_002, 1),
          ),
          epoch === 'e' ? ['once'] : [],
          TORN,
        ] as const,
    ),
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
      'two listeners are told different notices at an offset, long before Redis loses anything',
      withToo(
        [150, { ...followed(0)[1], listener: 'second' }],
        state(2_005, 'live', { listener: 'second' }),
        told(2_030, 1, { listener: 'second', seqs: [2], recalledAtMs: BASE_MS + 2 }),
        fault(10_000, 'redis emptied'),
      ),
      ['order'],
    ],
    [
      'one conversation is told in another order than it was sent, before a disk is full and Redis loses anything',
      [...overtaken(), fault(3_000, 'disk full'), fault(11_000, 'redis emptied')],
      ['order'],
    ],
    ...['disk slow', 'gateway frozen'].flatMap((name): Case[] => [
      [
        `one conversation is told in another order than it was sent, long after: ${name}`,
        overtaken([1_500, 1_900, name]),
        ['order'],
      ],
      [`the later recall could not reach the disk in time: ${name}`, overtaken([1_900, 2_005, name]), []],
    ]),
    [
      'the later recall waits in vain for a disk that was slow until before',
      [
        ...overtaken([1_500, 1_900, 'disk slow']).filter(
          ([, entry]) => entry.kind !== 'answered' || entry['id'] !== 2,
        ),
        answered(3_010, 2),
      ],
      [],
    ],
    ...['redis frozen', 'gateway without power'].map((name): Case => [
      `one conversation is told in another order than it was sent, which is no excuse: ${name}`,
      overtaken([1_900, 2_005, name]),
      ['order'],
    ]),
    [
      'a message is told in two notices, long before its group is dismissed',
      withToo(told(3_000, 3, { seqs: [2], recalledAtMs: BASE_MS + 2 }), handled(3_000, 3), [
        10_000,
        { kind: 'dismissed', id: 9, group: 'g', dismissedAtMs: BASE_MS + 50 },
      ]),
      ['once'],
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
      'a notice is never told, long after an order by a clock that was wrong',
      without(
        ofTwo,
        fault(50, 'clock of a gateway jumps'),
        [50, { kind: 'clock', process: 'all-1', offsetMs: 900 }],
        [60, { kind: 'ordered', id: 1, user: 'ann', forMs: 1_000 }],
        [70, { kind: 'order answered', id: 1, isOk: true, outcome: '200' }],
      ),
      ['told', 'true state'],
    ],
    [
      'a notice is never told to somebody who is refused in the end, by a clock that was wrong',
      without(
        ofTwo,
        [50, { kind: 'clock', process: 'all-1', offsetMs: 3_600_000 }],
        [1_500, { kind: 'ordered', id: 1, user: 'ann', forMs: 1_000 }],
        [1_510, { kind: 'order answered', id: 1, isOk: true, outcome: '200' }],
        state(2_005, 'refused', { code: 'USER_DISCONNECTED' }),
      ),
      [],
    ],
    [
      'a call that failed is repeated, which is OK, and never told',
      without(
        ({ kind }) => kind === 'found',
        sent(1_500, 9, { seqs: [3], recalledAtMs: BASE_MS + 3 }),
        answered(1_600, 9, false),
        sent(3_000, 10, { seqs: [3], recalledAtMs: BASE_MS + 3 }),
        answered(3_010, 10),
        found([1, 2, 3]),
      ),
      ['told', 'true state'],
    ],
    [
      'a call that had no answer is told, and repeated',
      without(
        ({ kind }) => kind === 'found',
        sent(2_500, 3),
        told(2_510, 3),
        handled(2_510, 3),
        sent(4_000, 10, { seqs: [3], recalledAtMs: BASE_MS + 3 }),
        answered(4_010, 10),
        found([1, 2, 3]),
      ),
      [],
    ],
    [
      'it comes back to where it was, and is not told what was sent meanwhile',
      without(
        ({ kind }) => kind === 'found',
        [2_500, { kind: 'killed', user: 'ann', life: 1 }],
        sent(3_000, 3),
        answered(3_010, 3),
        followed(4_000, 2, 'kept'),
        state(4_010, 'live', { life: 2 }),
        found([1, 2, 3]),
      ),
      ['told', 'true state'],
    ],
    [
      'a disk is slow long after Redis lost something that nobody knew',
      without(
        ofTwo,
        ended(1_500),
        fault(1_600, 'redis rolled back while connections stay'),
        fault(18_000, 'disk slow'),
      ),
      ['told', 'true state'],
    ],
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
    ...['ann', undefined].map((user): Case => [
      `it is told 20 s after the last fault, in which a line died, ${user ?? 'but none of a user'}`,
      without(
        ofTwo,
        state(2_015, 'stale'),
        [19_000, { kind: 'fault', name: 'line broken', user }],
        told(40_000, 2),
        handled(40_000, 2),
        state(40_001, 'live'),
      ),
      user === undefined ? ['in time', 'heals'] : [],
    ]),
    ...([4_000, 11_000] as const).map((atMs): Case => [
      `it is told 15 s after an outage of 6 s, and another one was over at ${atMs + 2_000}`,
      without(
        ofTwo,
        state(2_015, 'stale'),
        fault(atMs, 'all gateways killed'),
        [atMs + 2_000, { kind: 'fault over', name: 'all gateways killed' }],
        fault(14_000, 'gateway stopped'),
        [20_001, { kind: 'fault over', name: 'gateway stopped' }],
        told(35_000, 2),
        handled(35_000, 2),
        state(35_001, 'live'),
      ),
      atMs === 4_000 ? ['in time', 'heals'] : [],
    ]),
    ['a gap is told for nothing', withToo(gap(3_000, 'epoch-changed')), ['no needless gap']],
    [
      'a log is trimmed, but not what it missed',
      withToo([3_000, { ...gap(0, 'trimmed')[1], missed: 1 }]),
      ['no needless gap'],
      { shape: { ...SHAPE, historySize: 1 } },
    ],
    [
      'what it missed is trimmed',
      withToo([3_000, { ...gap(0, 'trimmed')[1], missed: 2 }]),
      [],
      { shape: { ...SHAPE, historySize: 1 } },
    ],
    [
      'it is told long after the last fault, and its line was dead long before',
      without(
        (entry) => ofTwo(entry) || ['all faults over', 'found'].includes(entry.kind),
        fault(1_500, 'line broken'),
        state(2_015, 'stale'),
        [100_000, { kind: 'all faults over' }],
        told(115_000, 2),
        handled(115_000, 2),
        state(115_001, 'live'),
        [140_000, found([1, 2])[1]],
      ),
      ['in time', 'heals'],
    ],
    [
      'a gap is told to somebody who is live, long after the last fault',
      withToo(fault(10_000, 'redis emptied'), gap(57_000, 'epoch-changed')),
      ['no needless gap'],
    ],
    ['a log is trimmed that is not full', withToo(gap(3_000, 'trimmed')), ['no needless gap']],
  ])
})
