import type { Keyspace } from '../keyspace.ts'
import { Pairs } from '../reply.ts'
import type { Reply } from '../reply.ts'
import { growth, read, write, wrongNumber } from './command.ts'
import type { Commands } from './command.ts'

function set(keyspace: Keyspace, [key = '', ...pairs]: readonly string[]): Reply {
  if (pairs.length % 2 > 0) throw wrongNumber('hset')
  const hash = keyspace.open(key, 'hash')
  let added = 0
  for (let i = 0; i < pairs.length; i += 2) {
    const [field = '', value = ''] = [pairs[i], pairs[i + 1]]
    if (!hash.has(field)) added++
    keyspace.setIn(hash, field, value)
  }
  return added
}

function setIfNew(keyspace: Keyspace, [key = '', field = '', value = '']: readonly string[]): Reply {
  if (keyspace.read(key, 'hash')?.has(field)) return 0
  keyspace.setIn(keyspace.open(key, 'hash'), field, value)
  return 1
}

function remove(keyspace: Keyspace, [key = '', ...fields]: readonly string[]): Reply {
  const hash = keyspace.read(key, 'hash')
  if (hash === undefined) return 0
  const removed = fields.filter((field) => keyspace.deleteIn(hash, field)).length
  if (hash.size === 0) keyspace.remove(key)
  return removed
}

const hashOf = (keyspace: Keyspace, key = ''): ReadonlyMap<string, string> =>
  keyspace.read(key, 'hash') ?? new Map<string, string>()

export const HASH_COMMANDS: Commands = {
  hset: growth(-4, set),
  hsetnx: growth(4, setIfNew),
  hget: read(3, (keyspace, [key, field = '']) => hashOf(keyspace, key).get(field) ?? null),
  hmget: read(-3, (keyspace, [key, ...fields]) => {
    const hash = hashOf(keyspace, key)
    return fields.map((field) => hash.get(field) ?? null)
  }),
  hgetall: read(2, (keyspace, [key]) => new Pairs([...hashOf(keyspace, key)].flat())),
  hkeys: read(2, (keyspace, [key]) => [...hashOf(keyspace, key).keys()]),
  hlen: read(2, (keyspace, [key]) => hashOf(keyspace, key).size),
  hexists: read(3, (keyspace, [key, field = '']) => Number(hashOf(keyspace, key).has(field))),
  hdel: write(-3, remove),
}
