import type { Keyspace } from '../keyspace.ts'
import { strtod, toInteger, toScore } from '../numbers.ts'
import { Double, ErrorReply, NOT_A_FLOAT, SYNTAX_ERROR } from '../reply.ts'
import type { Reply } from '../reply.ts'
import { argument, growth, read, write } from './command.ts'
import type { Commands } from './command.ts'

const OPTION = /^(nx|xx|gt|lt|ch|incr)$/i

function add(keyspace: Keyspace, [key = '', ...pairs]: readonly string[]): Reply {
  if (OPTION.test(argument(pairs, 0))) throw new ErrorReply('ERR the model knows no options of ZADD')
  if (pairs.length % 2 > 0) throw new ErrorReply(SYNTAX_ERROR)
  const scores: number[] = []
  for (let i = 0; i < pairs.length; i += 2) {
    const score = toScore(argument(pairs, i))
    if (score === undefined || Number.isNaN(score)) throw new ErrorReply(NOT_A_FLOAT)
    scores.push(score)
  }
  const zset = keyspace.open(key, 'zset')
  let added = 0
  for (const [i, score] of scores.entries()) {
    const member = argument(pairs, 2 * i + 1)
    const before = zset.get(member)
    if (before === undefined) added++
    if (before !== score) keyspace.setIn(zset, member, score)
  }
  return added
}

/** A bound of ZCOUNT: exclusive after `(`. */
function toBound(text: string): { readonly score: number; readonly isExclusive: boolean } {
  const isExclusive = text.startsWith('(')
  // Redis reads it as a string of C, which ends at the first null byte.
  const [number = ''] = text.slice(Number(isExclusive)).split('\0')
  const { value, length } = strtod(number)
  if (length !== number.length || Number.isNaN(value)) throw new ErrorReply('ERR min or max is not a float')
  return { score: value, isExclusive }
}

function count(keyspace: Keyspace, [key = '', from = '', to = '']: readonly string[]): Reply {
  const [min, max] = [toBound(from), toBound(to)]
  let counted = 0
  for (const score of keyspace.read(key, 'zset')?.values() ?? []) {
    const isAbove = min.isExclusive ? score > min.score : score >= min.score
    const isBelow = max.isExclusive ? score < max.score : score <= max.score
    if (isAbove && isBelow) counted++
  }
  return counted
}

type Ranked = readonly (readonly [member: string, score: number])[]

const ranked = (zset: ReadonlyMap<string, number>): Ranked =>
  [...zset].toSorted(([a, scoreA], [b, scoreB]) => scoreA - scoreB || (a < b ? -1 : 1))

function slice(zset: ReadonlyMap<string, number>, start: number, stop: number): Ranked {
  const from = Math.max(0, start < 0 ? start + zset.size : start)
  const to = stop < 0 ? stop + zset.size : stop
  return from > to ? [] : ranked(zset).slice(from, to + 1)
}

function removeByRank(keyspace: Keyspace, [key = '', from = '', to = '']: readonly string[]): Reply {
  const [start, stop] = [toInteger(from), toInteger(to)]
  const zset = keyspace.read(key, 'zset')
  if (zset === undefined) return 0
  const doomed = slice(zset, start, stop)
  for (const [member] of doomed) keyspace.deleteIn(zset, member)
  if (zset.size === 0) keyspace.remove(key)
  return doomed.length
}

function remove(keyspace: Keyspace, [key = '', ...members]: readonly string[]): Reply {
  const zset = keyspace.read(key, 'zset')
  if (zset === undefined) return 0
  const removed = members.filter((member) => keyspace.deleteIn(zset, member)).length
  if (zset.size === 0) keyspace.remove(key)
  return removed
}

function range(keyspace: Keyspace, [key = '', from = '', to = '', ...options]: readonly string[]): Reply {
  const withScores = options.length === 1 && options[0]?.toLowerCase() === 'withscores'
  if (options.length > 0 && !withScores) throw new ErrorReply('ERR the model knows no such option of ZRANGE')
  const [start, stop] = [toInteger(from), toInteger(to)]
  const found = slice(keyspace.read(key, 'zset') ?? new Map(), start, stop)
  return withScores
    ? found.map(([member, score]): Reply => [member, new Double(score)])
    : found.map(([member]) => member)
}

const toReply = (score: number | undefined): Reply => (score === undefined ? null : new Double(score))

export const SORTED_SET_COMMANDS: Commands = {
  zadd: growth(-4, add),
  zcard: read(2, (keyspace, [key = '']) => keyspace.read(key, 'zset')?.size ?? 0),
  zcount: read(4, count),
  zmscore: read(-3, (keyspace, [key = '', ...members]) => {
    const zset = keyspace.read(key, 'zset')
    return members.map((member) => toReply(zset?.get(member)))
  }),
  zrange: read(-4, range),
  zrem: write(-3, remove),
  zremrangebyrank: write(4, removeByRank),
  zscore: read(3, (keyspace, [key = '', member = '']) => toReply(keyspace.read(key, 'zset')?.get(member))),
}
