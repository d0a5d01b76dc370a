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
import type { Timed } from './right-history.ts'

/** The second recall, which is kept at 2,010, is told late. */
const withSecondAt = (atMs: number, ...added: Timed[]): Timed[] =>
  without(ofTwo, told(atMs, 2), handled(atMs, 2), ...added)
/** For 6 s, from shortly after the second recall was kept. */
const FROZEN: Timed[] = [
  [3_000, { kind: 'fault', name: 'user frozen', user: 'ann' }],
  [9_000, { kind: 'fault over', name: 'user frozen' }],
]

describe('the judge of what clients say of themselves', () => {
  itJudges([
    ['it is live for too long without what is kept', withSecondAt(9_000), ['true state']],
    [
      'it says that it is stale',
      without(ofTwo, state(4_000, 'stale'), told(9_000, 2), handled(9_000, 2), state(9_001, 'live')),
      [],
    ],
    ['a line is dead', withSecondAt(9_000, fault(1_500, 'line broken')), []],
    [
      'a line dies soon after a recall was kept, and that is noticed',
      withSecondAt(15_900, fault(5_000, 'line broken')),
      [],
    ],
    [
      'a line dies soon after a recall was kept, and that is not noticed',
      withSecondAt(16_100, fault(5_000, 'line broken')),
      ['true state'],
    ],
    [
      'a line dies when there had to be a doubt already',
      withSecondAt(9_000, fault(7_000, 'line broken')),
      ['true state'],
    ],
    ['a page stands still, and says so in time', withSecondAt(19_900, ...FROZEN), []],
    ['a page stands still, and does not say so', withSecondAt(20_100, ...FROZEN), ['true state']],
    [
      'Redis stands still, which nodes notice',
      withSecondAt(9_000, fault(1_500, 'redis frozen')),
      ['true state'],
    ],
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
      withSecondAt(9_500, fault(9_000, 'redis emptied')),
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
    ['Redis loses what was not told yet', withSecondAt(8_000, fault(4_000, 'redis emptied')), []],
    [
      'the line of somebody else is dead',
      withSecondAt(9_000, [1_500, { kind: 'fault', name: 'line broken', user: 'bob' }]),
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
