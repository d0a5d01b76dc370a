import {
  itJudges,
  answered,
  fault,
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

describe('the judge of rights', () => {
  itJudges([
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
  ])
})
