import { CONNECTIONS } from './quiet.ts'
import { itJudges, PROCESS, fault, right, withFound, withToo } from './right-history.ts'

describe('the judge of connections, and of what is left at the end', () => {
  itJudges([
    ['everything is right', right(), []],
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
      'a connection ends without a word while the line of somebody else is cut',
      withToo(
        [9_000, { kind: 'fault', name: 'connections cut', user: 'bob' }],
        [10_000, { kind: 'ended', user: 'ann', life: 1, hasGoodbye: false }],
      ),
      ['goodbye'],
    ],
    [
      'a connection ends without a word while Redis is away',
      withToo(fault(9_000, 'redis away'), [
        10_000,
        { kind: 'ended', user: 'ann', life: 1, hasGoodbye: false },
      ]),
      ['goodbye'],
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
  ])
})
