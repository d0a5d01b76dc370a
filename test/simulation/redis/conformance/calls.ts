import fc from 'fast-check'
import { commandCalls } from './command-calls.ts'
import { scriptCalls } from './script-calls.ts'
import { call, HEADS, key, KEYS, oddWord, one, SETS } from './words.ts'
import type { Call, Word } from './words.ts'

/** What the test itself does to both servers. */
const changes = fc.oneof(
  call('let expire', key),
  call('forget scripts'),
  { weight: 2, arbitrary: call('memory', one('full', 'full', 'free')) },
  call('role', one('replica', 'master')),
  call('deny', one('hset', 'xadd', 'zadd', 'spublish', 'del', 'pexpire', 'hgetall', 'nothing')),
)

const CHANGES = new Set(['let expire', 'forget scripts', 'memory', 'role', 'deny'])
/** Whether this is for the test to do, rather than a call. */
export const isChange = ([name]: Call): boolean => CHANGES.has(name)

/** Replaces a word, behind the number of keys, by an odd one. */
const spoil = (arbitrary: fc.Arbitrary<Call>, odd: fc.Arbitrary<Word>): fc.Arbitrary<Call> =>
  fc.tuple(arbitrary, fc.nat(), odd).map(([[name, ...words], at, word]): Call => {
    const index = 1 + (at % (words.length - 1))
    return [name, ...words.slice(0, index), word, ...words.slice(index + 1)]
  })
const { recallPublish, ...otherScripts } = scriptCalls
const spoiled = fc.oneof(
  // No number of messages that a real server would count to for long, and no TTL that ends before the test.
  spoil(recallPublish, one('', 'abc', '-1', '0', '1.5', '0x4000', ' 20000', '20000\0', 'nan')),
  spoil(fc.oneof(...Object.values(otherScripts)), oddWord),
)

const scripts = fc.oneof(
  { weight: 6, arbitrary: recallPublish },
  ...Object.values(scriptCalls).map((arbitrary) => ({ weight: 1, arbitrary })),
)

/** Calls over a few keys, as a gateway sends them and as it never would. */
export const sequence: fc.Arbitrary<readonly Call[]> = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: scripts },
    { weight: 3, arbitrary: spoiled },
    { weight: 8, arbitrary: fc.oneof(...commandCalls) },
    { weight: 2, arbitrary: changes },
  ),
  { minLength: 1, maxLength: 30, size: 'max' },
)

const [HEAD = '', SET = ''] = [HEADS[0], SETS[0]]
/**
 * What chance may leave out: the last field or member goes, a score has digits that are easily lost, and a loop over offsets would not
 * end where numbers are no longer one apart.
 */
export const EXAMPLE: readonly Call[] = [
  ['hset', HEAD, 't', 'x'],
  ['hdel', HEAD, 't'],
  ['exists', HEAD],
  ['zadd', SET, '0.1', '1', '8640000000000001', '2'],
  ['zrange', SET, '0', '-1', 'WITHSCORES'],
  ['zrem', SET, '1', '2'],
  ['exists', SET],
  ['recallTold', 1, KEYS.told('one'), 60_000, 0, 1, '9'.repeat(40), 10, 5, 'a'],
  ['recallTold', 1, KEYS.told('one'), 60_000, 0, 1, '-inf', 10, 5, 'a'],
]
