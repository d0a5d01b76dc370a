import { itJudges, fault, handled, ofTwo, state, told, withToo, without } from './right-history.ts'

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
