import {
  itJudges,
  BASE_MS,
  answered,
  fault,
  found,
  handled,
  ofTwo,
  sent,
  state,
  told,
  withToo,
  without,
} from './right-history.ts'

describe('the judge of what clients say of themselves', () => {
  itJudges([
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
      'a connection was half open long before',
      without(
        ({ kind }) => kind === 'found',
        fault(150, 'one connection half open'),
        sent(13_000, 3),
        answered(13_010, 3),
        told(19_000, 3),
        handled(19_000, 3),
        found([1, 2, 3]),
      ),
      ['true state'],
    ],
    [
      'it is live for too long without what is kept, and told when Redis has lost it',
      without(ofTwo, fault(9_000, 'redis emptied'), told(9_500, 2), handled(9_500, 2)),
      ['true state'],
    ],
    [
      'it is live for too long without what is kept, and its group is dismissed later',
      without(
        (entry) => ofTwo(entry) || entry.kind === 'found',
        [9_000, { kind: 'dismissed', id: 9, group: 'g', dismissedAtMs: BASE_MS + 50 }],
        found([]),
      ),
      ['true state'],
    ],
    [
      'Redis loses what was not told yet',
      without(ofTwo, fault(4_000, 'redis emptied'), told(8_000, 2), handled(8_000, 2)),
      [],
    ],
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
      'it becomes live although a recall is missing that was kept long before',
      without(ofTwo, state(2_100, 'catching-up'), state(9_000, 'live'), told(9_100, 2), handled(9_100, 2)),
      ['true state'],
    ],
  ])
})
