import fc from 'fast-check'
import { encodePublish } from '../../../../server/broker/redis/publish-call.ts'
import type { SCRIPTS } from '../../../../server/broker/redis/scripts.ts'
import { createKeys } from '../../../../server/broker/redis/keys.ts'
import { roomName, roomsOf } from '../../../../shared/room.ts'

type Word = string | number
/** A command or script with its words, or a change of what the server refuses. */
export type Call = readonly [name: string, ...words: Word[]]

const KEYS = createKeys('p', 'a')
const GROUPS = [{ group: 'g' }, { group: 'g', topic: 't' }, { group: 'h' }]
const ROOMS = [...GROUPS.map(roomName), 'feed']
const HEADS = ROOMS.map(KEYS.head)
const LOGS = ROOMS.map(KEYS.log)
export const CHANNELS = ROOMS.map(KEYS.channel)
const SETS = GROUPS.map(KEYS.recalled)
const OTHERS = [KEYS.topics('g'), KEYS.topics('h'), KEYS.heartbeats, KEYS.announcements('revocations')]

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

const one = (...values: readonly Word[]): fc.Arbitrary<Word> => fc.constantFrom(...values)
const oneOf = <T>(...values: readonly T[]) => fc.constantFrom(...values)
const oddWord = one(...ODD, ...HUGE)
const head = one(...HEADS)
const log = one(...LOGS)
const set = one(...SETS)
const hash = fc.oneof({ weight: 4, arbitrary: head }, one(...OTHERS))
const key = one(...HEADS, ...LOGS, ...SETS, ...OTHERS)
const epoch = one('e1', 'e2', 'e-3_')
const seq = oneOf(1, 2, 3, 4, 5)
const time = fc.oneof({ weight: 8, arbitrary: oneOf(1_000, 1_500, 2_000, 3_000) }, oneOf(0, -5, 8.64e15))
const field = one('epoch', 'offset', 'prolong', 'was', 'from', 't', '1')
const ttlS = one(100, 1_000)
const score = fc.oneof({ weight: 3, arbitrary: fc.oneof(seq, time) }, oddWord)
const id = one('*', '0-0', '1-0', '2-0', '3', '4-7', '1-1', '99999999-0', LAST_ID, '5-', 'x', '007-1')
const bound = one('-', '+', '0', '1', '2-0', '(1', '(2-0', '3', LAST_ID, '(-', 'x')
const count = one(0, 1, 2, 100, -1)

const call = (name: string, ...words: readonly fc.Arbitrary<Word>[]): fc.Arbitrary<Call> =>
  fc.tuple(...words).map((drawn): Call => [name, ...drawn])
const c = (word: Word) => fc.constant(word)
/** A call with two to six more words. */
const withMore = (
  name: string,
  first: readonly fc.Arbitrary<Word>[],
  more: fc.Arbitrary<Word>,
): fc.Arbitrary<Call> =>
  fc
    .tuple(fc.tuple(...first), fc.array(more, { minLength: 1, maxLength: 5 }))
    .map(([words, others]): Call => [name, ...words, ...others])

const recall = fc.record({
  conversation: oneOf(...GROUPS),
  seqs: fc.uniqueArray(seq, { minLength: 1, maxLength: 3 }),
  atMs: time,
  isUntimed: fc.boolean(),
})
const publish = fc
  .record({
    recalls: fc.array(recall, { minLength: 1, maxLength: 3 }),
    epoch,
    historySize: oneOf(1, 2, 3),
    ttlsMs: fc.tuple(
      oneOf(60_000, 90_000),
      oneOf(100_000, 200_000),
      oneOf(0, 300_000),
      oneOf(0, 5_000, 10_000),
    ),
    waits: fc.boolean(),
    signature: oneOf('', 's'.repeat(64)),
  })
  .map(({ recalls, epoch: newEpoch, historySize, ttlsMs, waits, signature }): Call => {
    const addressed = recalls.map(({ conversation, seqs, atMs, isUntimed }) => {
      const messages = seqs.map((drawn) => ({ seq: drawn }))
      const made = { ...conversation, messages, recalledAtMs: atMs, receivedAtMs: 5_000 }
      const rooms = roomsOf(made)
      return {
        recall: isUntimed ? { ...made, untimed: true as const } : made,
        rooms,
        names: rooms.map(roomName),
      }
    })
    const encoded = encodePublish(
      addressed,
      { historySize, ttlsMs, waits },
      { keys: KEYS, signatureOf: () => signature },
    )
    return ['recallPublish', encoded.keys.length, ...encoded.keys, newEpoch, ...encoded.arguments.slice(1)]
  })

/** Each script with arguments as the gateway sends them. */
const scriptCalls: Readonly<Record<keyof typeof SCRIPTS, fc.Arbitrary<Call>>> = {
  recallPublish: publish,
  recallHistory: oneOf(0, 1, 2, 3).chain((i) =>
    call(
      'recallHistory',
      c(2),
      c(HEADS[i] ?? ''),
      c(LOGS[i] ?? ''),
      one(0, 1, 2, 5, -1),
      count,
      epoch,
      ttlS,
      c(50),
      epoch,
    ),
  ),
  recallHistoryBefore: oneOf(0, 1, 2, 3).chain((i) =>
    call(
      'recallHistoryBefore',
      c(2),
      c(HEADS[i] ?? ''),
      c(LOGS[i] ?? ''),
      one(0, 1, 2, 3, 100),
      count,
      epoch,
      ttlS,
      c(50),
    ),
  ),
  recallHeads: fc
    .tuple(fc.uniqueArray(head, { minLength: 1 }), epoch)
    .map(([heads, newEpoch]): Call => ['recallHeads', heads.length, ...heads, newEpoch, 1_000, 500]),
  recallNewEpoch: oneOf(0, 1, 2, 3).chain((i) =>
    call('recallNewEpoch', c(2), c(HEADS[i] ?? ''), c(CHANNELS[i] ?? ''), epoch, epoch, one('', 0, 1, 2)),
  ),
  recallEnd: oneOf(0, 1, 2).chain((i) =>
    call(
      'recallEnd',
      c(4),
      c(SETS[i] ?? ''),
      c(HEADS[i] ?? ''),
      c(LOGS[i] ?? ''),
      c(CHANNELS[i] ?? ''),
      time,
      epoch,
      one(0, 300_000),
      c(200_000),
      one(1, 2, 100),
    ),
  ),
  recallAnnounce: call(
    'recallAnnounce',
    c(2),
    c(OTHERS[3] ?? ''),
    c(CHANNELS[0] ?? ''),
    one('x', 'y'),
    one(1, 2),
    ttlS,
  ),
  recallHeartbeat: call(
    'recallHeartbeat',
    c(1),
    c(KEYS.heartbeats),
    one('a', 'b', 'c'),
    one('', 'text', 'a:b'),
    c(600_000),
    one(0, 1, 3),
    c(9_000),
    one(0, 1, 2),
  ),
  recallHeartbeats: call('recallHeartbeats', c(1), c(KEYS.heartbeats), one(600_000, 1e14)),
  recallMark: call(
    'recallMark',
    c(2),
    hash,
    set,
    one(1, 2),
    one('', 1, 2),
    c(86_400_000),
    fc.oneof(seq, c('')),
    time,
  ),
  recallRights: call('recallRights', c(2), c(KEYS.heartbeats), c('channel')),
}

const commandCalls: readonly fc.Arbitrary<Call>[] = [
  withMore('hset', [hash], fc.oneof(field, oddWord, epoch)),
  call('hset', head, one('offset', 'prolong'), fc.oneof(oddWord, seq)),
  call('hset', head, c('epoch'), one('', 'a:b', 'a b', 'ä', 'x'.repeat(65), 'e1')),
  call(
    'hset',
    c(KEYS.heartbeats),
    one('p', 'q', 'r', 's'),
    one('1000:p', '2000:q', '3000:', 'x', '99999999999999:f'),
  ),
  call('hsetnx', hash, field, oddWord),
  call('hget', hash, field),
  withMore('hmget', [hash], field),
  call('hgetall', hash),
  call('hlen', hash),
  call('hexists', hash, field),
  withMore('hdel', [hash], field),
  call('hdel', hash, ...['epoch', 'offset', 'prolong', 'was', 'from', 't', '1'].map(c)),
  call('zadd', set, c('0.1'), seq),
  call('zadd', set, score, fc.oneof(seq, one('ended', 'dropped'))),
  call('zadd', set, score, seq, score, seq),
  withMore('zmscore', [set], fc.oneof(seq, c('ended'))),
  call('zcard', set),
  call('zcount', set, one('-inf', '(1000', '1000', 'x', '', '(2000'), one('+inf', '2000', '(3000', 'nan')),
  call('zremrangebyrank', set, one(0, 1, -2, 'x'), one(0, 1, -1, -5)),
  call('zrange', set, one(0, 1, -2), one(0, 2, -1), c('WITHSCORES')),
  call('zrem', set, seq, c('ended')),
  call('xadd', log, id, c('r'), c('entry')),
  call('xadd', log, c('MAXLEN'), one(0, 1, 2, -1, 'x'), id, c('r'), c('entry')),
  call('xadd', log, id, c('r'), c('entry'), c('z')),
  call('xrange', log, bound, bound, c('COUNT'), count),
  call('xrevrange', log, bound, bound, c('COUNT'), count),
  call('xrevrange', one(...OTHERS), c('+'), one('-', 5)),
  call('xlen', log),
  call('xdel', log, one('1-0', '2-0', '9')),
  call('xtrim', log, c('MAXLEN'), one(0, 1, 2)),
  call('set', key, c('x')),
  call('lpush', key, c('x'), c('y')),
  call('sadd', key, c('x')),
  call('get', key),
  call('lrange', key, one(0, -2), one(-1, 0)),
  call('del', key, key),
  call('exists', key, key),
  call('type', key),
  call('persist', key),
  call('expire', key, fc.oneof(ttlS, c(-1), oddWord)),
  call('pexpire', key, fc.oneof(one(90_000, 100_000), oddWord)),
  call('ttl', key),
  call('spublish', one(...CHANNELS), one('m', 'n', '')),
  call('eval', c('return 1'), c(1), key),
  call('wait', c(0), c(1)),
  call('ping'),
  call('echo', oddWord),
  call('unheard-of', oddWord),
  call('get'),
]

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
  { weight: 6, arbitrary: publish },
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
/** What chance may leave out: the last field or member goes, and a score has digits that are easily lost. */
export const EXAMPLE: readonly Call[] = [
  ['hset', HEAD, 't', 'x'],
  ['hdel', HEAD, 't'],
  ['exists', HEAD],
  ['zadd', SET, '0.1', '1', '8640000000000001', '2'],
  ['zrange', SET, '0', '-1', 'WITHSCORES'],
  ['zrem', SET, '1', '2'],
  ['exists', SET],
]
