import type { Room } from '../../../shared/room.ts'
import {
  itJudges,
  answered,
  fault,
  followed,
  found,
  handled,
  listener,
  ofTwo,
  room,
  sent,
  state,
  told,
  withToo,
  without,
} from './right-history.ts'
import type { Timed } from './right-history.ts'

const OF_ANN = { user: 'ann', life: 1 }
const tokenAt = (atMs: number, endsAtMs: number, granted: Room = room): Timed => [
  atMs,
  { kind: 'token', ...OF_ANN, endsAtMs, isAdmin: false, rooms: [granted] },
]
/** An operator takes access away: to all rooms, or one. */
const ordered = (atMs: number, forMs: number, more = {}): Timed[] => [
  [atMs, { kind: 'ordered', id: 1, user: 'ann', forMs, ...more }],
  [atMs + 10, { kind: 'order answered', id: 1, isOk: true, outcome: '200' }],
]
/** The backend allows the room for 2.5 s, and soon would not. */
const ALLOWED_FOR_A_WHILE: Timed[] = [
  [50, { kind: 'granted', user: 'ann', room }],
  [60, { kind: 'verdict', user: 'ann', room, isAllowed: true, forMs: 2_500 }],
  [70, { kind: 'revoked', user: 'ann', room }],
]
const REFUSED: Timed = [
  9_000,
  { kind: 'refused', ...OF_ANN, listener, room, code: 'ROOM_REFUSED', retry: false },
]
const clock = (atMs: number, offsetMs: number): Timed => [atMs, { kind: 'clock', process: 'all-1', offsetMs }]
/** One more recall, which is told. */
const THIRD: Timed[] = [sent(9_000, 3), answered(9_001, 3), told(9_002, 3), handled(9_002, 3)]

const AT_18_S: Timed[] = [
  sent(18_000, 3),
  answered(18_001, 3),
  told(18_002, 3),
  handled(18_002, 3),
  found([1, 2, 3]),
]

describe('the judge of rights', () => {
  itJudges([
    [
      'a member is told who recalled',
      without(ofTwo, told(2_020, 2, { hasOperator: true }), handled(2_020, 2)),
      ['no operator'],
    ],
    ['it is told after its token has ended', withToo(tokenAt(0, 500)), ['granted']],
    [
      'it is told after its token has ended, and the clock of a user jumps',
      withToo(tokenAt(0, 500), fault(100, 'clock of a user jumps')),
      ['granted'],
    ],
    [
      'it is told after its token has ended, and the clock of a node jumps later',
      withToo(tokenAt(0, 500), clock(5_000, -3_600_000)),
      ['granted'],
    ],
    [
      'it is told for longer after its token has ended than the clock of a node is behind',
      withToo(tokenAt(0, 50), clock(40, -900)),
      ['granted'],
    ],
    [
      'the clock of a node is behind when its token ends',
      withToo(tokenAt(0, 500), clock(50, -3_600_000)),
      [],
    ],
    ['its token goes on', withToo(tokenAt(0, 90_000)), []],
    [
      'it is told while a node stands still, and its token ends meanwhile',
      withToo(tokenAt(0, 14_000), fault(13_000, 'gateway frozen'), ...AT_18_S),
      [],
    ],
    [
      'it is told after its token has ended, long after a node stood still',
      withToo(tokenAt(0, 14_000), fault(5_000, 'gateway frozen'), ...AT_18_S),
      ['granted'],
    ],
    [
      'it is told after its token has ended, and its page stood still',
      withToo(tokenAt(0, 14_000), [13_000, { kind: 'fault', name: 'user frozen', user: 'ann' }], ...AT_18_S),
      ['granted'],
    ],
    ['it is told of a room that nobody granted', withToo(tokenAt(0, 90_000, { group: 'h' })), ['granted']],
    [
      'it is told after an operator has taken access away',
      withToo(tokenAt(0, 90_000), ...ordered(100, 60_000), ...THIRD, found([1, 2, 3])),
      ['granted'],
    ],
    ['it is told while an answer of the backend holds', withToo(...ALLOWED_FOR_A_WHILE), []],
    [
      'it is told when the answer of the backend has long ended',
      withToo(...ALLOWED_FOR_A_WHILE, ...THIRD),
      ['kept', 'granted'],
    ],
    [
      'it is told after the only node has begun anew, which knows the order',
      withToo(
        tokenAt(0, 90_000),
        ...ordered(100, 15_000),
        fault(8_000, 'redis denies a command'),
        fault(8_100, 'gateway crashed'),
        ...THIRD,
        found([1, 2, 3]),
      ),
      ['granted'],
    ],
    [
      'it is told after an operator has taken access away, which Redis cannot have lost',
      withToo(
        tokenAt(0, 90_000),
        fault(50, 'redis emptied'),
        ...ordered(2_100, 60_000),
        sent(15_000, 3),
        answered(15_001, 3),
        told(15_002, 3),
        handled(15_002, 3),
        found([1, 2, 3]),
      ),
      ['granted'],
    ],
    [
      'it is told after the provider has said that it has left the group',
      withToo(
        [50, { kind: 'granted', user: 'ann', room }],
        [60, { kind: 'verdict', user: 'ann', room, isAllowed: true, forMs: 60_000 }],
        [3_000, { kind: 'quit', sentAtMs: 2_990, user: 'ann', group: 'g', isOk: true }],
        ...THIRD,
        found([1, 2, 3]),
      ),
      ['granted'],
    ],
    [
      'the app has said yes again while the provider says that it has left the group',
      withToo(
        [50, { kind: 'granted', user: 'ann', room }],
        [60, { kind: 'verdict', user: 'ann', room, isAllowed: true, forMs: 60_000 }],
        [2_995, { kind: 'verdict', user: 'ann', room, isAllowed: true, forMs: 60_000 }],
        [3_000, { kind: 'quit', sentAtMs: 2_990, user: 'ann', group: 'g', isOk: true }],
        ...THIRD,
        found([1, 2, 3]),
      ),
      [],
    ],
    [
      'somebody without the library is told late, when the right that it had has ended',
      without(
        ({ kind }) => kind === 'followed' || kind === 'found',
        [100, { ...followed(0)[1], by: 'plain' }],
        tokenAt(0, 4_000),
        sent(2_500, 3),
        answered(2_501, 3),
        state(2_600, 'stale'),
        told(15_000, 3),
        handled(15_000, 3),
        state(15_001, 'live'),
        found([1, 2, 3]),
      ),
      ['granted'],
    ],
    [
      'it has a right again, and stays refused',
      without(
        ({ kind }) => kind === 'found',
        [50, { kind: 'granted', user: 'ann', room }],
        [60, { kind: 'verdict', user: 'ann', room, isAllowed: true, forMs: 200_000 }],
        [10_000, { kind: 'revoked', user: 'ann', room }],
        state(11_000, 'refused', { code: 'ROOM_REFUSED' }),
        [12_000, { kind: 'granted', user: 'ann', room }],
        [100_000, found([1, 2])[1]],
      ),
      ['heals'],
    ],
    [
      'a node may not have heard of the order',
      withToo(
        tokenAt(0, 90_000),
        ...ordered(100, 15_000),
        fault(8_000, 'redis denies a command'),
        ...THIRD,
        found([1, 2, 3]),
      ),
      [],
    ],
    [
      'a room is refused when the order has ended',
      withToo(tokenAt(0, 90_000), ...ordered(2_100, 2_000, { room }), REFUSED),
      ['not refused'],
    ],
    [
      'a room is refused when the order has ended, by a clock that was ahead at the order',
      withToo(tokenAt(0, 90_000), clock(50, 30_000), ...ordered(2_100, 2_000, { room }), REFUSED),
      [],
    ],
    [
      'a room is refused when the order has ended, by a clock that is behind',
      withToo(tokenAt(0, 90_000), ...ordered(2_100, 2_000, { room }), clock(5_000, -30_000), REFUSED),
      [],
    ],
    [
      'a room is refused when the order has ended, by a clock that was ahead only afterwards',
      withToo(tokenAt(0, 90_000), ...ordered(2_100, 2_000, { room }), clock(5_000, 30_000), REFUSED),
      ['not refused'],
    ],
    [
      'a room is refused when the order has ended, by a clock that was ahead by less',
      withToo(tokenAt(0, 90_000), clock(50, 900), ...ordered(2_100, 2_000, { room }), REFUSED),
      ['not refused'],
    ],
    [
      'a room is refused for the order of another one, by a clock that was wrong',
      withToo(
        tokenAt(0, 90_000),
        clock(50, 30_000),
        ...ordered(2_100, 2_000, { room: { group: 'h' } }),
        REFUSED,
      ),
      ['not refused'],
    ],
    [
      'a room is refused when the order has ended, and every clock is right again',
      withToo(tokenAt(0, 90_000), ...ordered(2_100, 2_000, { room }), clock(5_000, -3_600_000), [
        25_000,
        REFUSED[1],
      ]),
      ['not refused'],
    ],
    [
      'it is refused for good, since a token has ended',
      withToo(
        tokenAt(9_900, 9_000),
        state(10_000, 'refused', { code: 'TOKEN_EXPIRED' }),
        state(10_100, 'live'),
      ),
      ['not refused', 'granted'],
    ],
  ])
})
