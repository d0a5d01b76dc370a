import fc from 'fast-check'
import { createKeys } from '../../../../server/broker/redis/keys.ts'
import { roomName } from '../../../../shared/room.ts'

// What calls are made of: a few keys, and words as the gateway sends them and as it never would.

export type Word = string | number
/** A command or script with its words, or a change of what the server refuses. */
export type Call = readonly [name: string, ...words: Word[]]

export const KEYS = createKeys('p', 'a')
export const GROUPS = [{ group: 'g' }, { group: 'g', topic: 't' }, { group: 'h' }]
const ROOMS = [...GROUPS.map(roomName), 'feed']
export const HEADS = ROOMS.map(KEYS.head)
export const LOGS = ROOMS.map(KEYS.log)
export const CHANNELS = ROOMS.map(KEYS.channel)
export const SETS = GROUPS.map(KEYS.recalled)
export const OTHERS = [KEYS.topics('g'), KEYS.topics('h'), KEYS.heartbeats, KEYS.announcements('revocations')]

const ODD = [
  '',
  'abc',
  '-1',
  '0',
  '1.5',
  '0x10',
  '1e3',
  ' 7',
  '7 ',
  '7\0',
  '+7',
  'nan',
  'inf',
  '-inf',
  '1e400',
]
const HUGE = ['999999999999998', '999999999999999', '9007199254740993', '9223372036854775807', '9'.repeat(40)]
const LAST_ID = '18446744073709551615-18446744073709551615'

export const one = (...values: readonly Word[]): fc.Arbitrary<Word> => fc.constantFrom(...values)
export const oneOf = <T>(...values: readonly T[]) => fc.constantFrom(...values)
export const oddWord = one(...ODD, ...HUGE)
export const head = one(...HEADS)
export const log = one(...LOGS)
export const set = one(...SETS)
export const hash = fc.oneof({ weight: 4, arbitrary: head }, one(...OTHERS))
export const key = one(...HEADS, ...LOGS, ...SETS, ...OTHERS)
export const epoch = one('e1', 'e2', 'e-3_')
export const seq = oneOf(1, 2, 3, 4, 5)
export const time = fc.oneof(
  { weight: 8, arbitrary: oneOf(1_000, 1_500, 2_000, 3_000) },
  oneOf(0, -5, 8.64e15),
)
export const field = one('epoch', 'offset', 'prolong', 'was', 'from', 't', '1')
export const ttlS = one(100, 1_000)
export const score = fc.oneof({ weight: 3, arbitrary: fc.oneof(seq, time) }, oddWord)
export const id = one('*', '0-0', '1-0', '2-0', '3', '4-7', '1-1', '99999999-0', LAST_ID, '5-', 'x', '007-1')
export const bound = one('-', '+', '0', '1', '2-0', '(1', '(2-0', '3', LAST_ID, '(-', 'x')
export const count = one(0, 1, 2, 100, -1)

export const call = (name: string, ...words: readonly fc.Arbitrary<Word>[]): fc.Arbitrary<Call> =>
  fc.tuple(...words).map((drawn): Call => [name, ...drawn])
export const c = (word: Word) => fc.constant(word)
/** A call with two to six more words. */
export const withMore = (
  name: string,
  first: readonly fc.Arbitrary<Word>[],
  more: fc.Arbitrary<Word>,
): fc.Arbitrary<Call> =>
  fc
    .tuple(fc.tuple(...first), fc.array(more, { minLength: 1, maxLength: 5 }))
    .map(([words, others]): Call => [name, ...words, ...others])
