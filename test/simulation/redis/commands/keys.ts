import type { Keyspace } from '../keyspace.ts'
import { toInteger } from '../numbers.ts'
import { ErrorReply, NOT_AN_INTEGER, OK, Status, SYNTAX_ERROR } from '../reply.ts'
import type { Reply } from '../reply.ts'
import { argument, growth, read, write } from './command.ts'
import type { Commands } from './command.ts'

const MAX_INT64 = Number(2n ** 63n - 1n)

function expire(name: string, unitMs: number, isAbsolute = false) {
  return (keyspace: Keyspace, args: readonly string[]): Reply => {
    const amount = toInteger(argument(args, 1))
    if (args.length > 2) throw new ErrorReply('ERR the model knows no options of EXPIRE')
    const baseMs = isAbsolute ? 0 : keyspace.now
    if (Math.abs(amount) >= MAX_INT64 / unitMs || amount * unitMs >= MAX_INT64 - baseMs)
      throw new ErrorReply(`ERR invalid expire time in '${name}' command`)
    const value = keyspace.get(argument(args, 0))
    if (value === undefined) return 0
    const atMs = baseMs + amount * unitMs
    if (atMs <= keyspace.now) keyspace.remove(argument(args, 0))
    else keyspace.expire(value, atMs)
    return 1
  }
}

const ttl =
  (toUnit: (ms: number) => number) =>
  (keyspace: Keyspace, [key = '']: readonly string[]): Reply => {
    const value = keyspace.get(key)
    if (value === undefined) return -2
    return value.expiresAtMs === Infinity ? -1 : toUnit(Math.max(0, value.expiresAtMs - keyspace.now))
  }

const remove = (keyspace: Keyspace, keys: readonly string[]): Reply =>
  keys.filter((key) => keyspace.remove(key)).length

/** As a glob of KEYS: only `*` and `?` have a meaning here. */
const toRegExp = (glob: string): RegExp =>
  new RegExp(
    `^${glob
      .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
    's',
  )

function set(keyspace: Keyspace, [key = '', text = '', ...options]: readonly string[]): Reply {
  const [unit, amount = ''] = options
  if (unit !== undefined && (options.length !== 2 || !/^(ex|px)$/i.test(unit)))
    throw new ErrorReply(SYNTAX_ERROR)
  const ms = unit === undefined ? Infinity : toInteger(amount) * (unit.toLowerCase() === 'ex' ? 1_000 : 1)
  if (ms <= 0) throw new ErrorReply("ERR invalid expire time in 'set' command")
  keyspace.put(key, { type: 'string', data: { text }, expiresAtMs: keyspace.now + ms })
  return OK
}

function increase(keyspace: Keyspace, [key = '']: readonly string[]): Reply {
  const found = keyspace.read(key, 'string')
  const next = toInteger(found?.text ?? '0', NOT_AN_INTEGER) + 1
  const expiresAtMs = keyspace.get(key)?.expiresAtMs ?? Infinity
  keyspace.put(key, { type: 'string', data: { text: String(next) }, expiresAtMs })
  return next
}

const flush = (keyspace: Keyspace): Reply => {
  keyspace.clear()
  return OK
}

const push =
  (atEnd: boolean) =>
  (keyspace: Keyspace, [key = '', ...items]: readonly string[]): Reply => {
    const before = keyspace.read(key, 'list') ?? []
    const expiresAtMs = keyspace.get(key)?.expiresAtMs ?? Infinity
    const data = atEnd ? [...before, ...items] : [...items.toReversed(), ...before]
    keyspace.put(key, { type: 'list', data, expiresAtMs })
    return data.length
  }

function range(keyspace: Keyspace, [key = '', from = '', to = '']: readonly string[]): Reply {
  const [start, stop] = [toInteger(from), toInteger(to)]
  const items = keyspace.read(key, 'list') ?? []
  const indexOf = (index: number): number => Math.max(0, index < 0 ? index + items.length : index)
  return stop < -items.length ? [] : items.slice(indexOf(start), indexOf(stop) + 1)
}

function addToSet(keyspace: Keyspace, [key = '', ...members]: readonly string[]): Reply {
  const before = keyspace.read(key, 'set') ?? new Set()
  const expiresAtMs = keyspace.get(key)?.expiresAtMs ?? Infinity
  const data = new Set([...before, ...members])
  if (data.size > before.size) keyspace.put(key, { type: 'set', data, expiresAtMs })
  return data.size - before.size
}

/** Commands that every type has, and those of strings, lists and sets, which only spoil what a gateway stores. */
export const KEY_COMMANDS: Commands = {
  del: write(-2, remove),
  unlink: write(-2, remove),
  exists: read(-2, (keyspace, keys) => keys.filter((key) => keyspace.get(key) !== undefined).length),
  type: read(2, (keyspace, [key = '']) => new Status(keyspace.get(key)?.type ?? 'none')),
  expire: write(-3, expire('expire', 1_000)),
  pexpire: write(-3, expire('pexpire', 1)),
  expireat: write(-3, expire('expireat', 1_000, true)),
  pexpireat: write(-3, expire('pexpireat', 1, true)),
  ttl: read(
    2,
    ttl((ms) => Math.floor((ms + 500) / 1_000)),
  ),
  pttl: read(
    2,
    ttl((ms) => ms),
  ),
  pexpiretime: read(2, (keyspace, [key = '']) => {
    const value = keyspace.get(key)
    if (value === undefined) return -2
    return value.expiresAtMs === Infinity ? -1 : value.expiresAtMs
  }),
  persist: write(2, (keyspace, [key = '']) => {
    const value = keyspace.get(key)
    if (value === undefined || value.expiresAtMs === Infinity) return 0
    keyspace.expire(value, Infinity)
    return 1
  }),
  keys: read(2, (keyspace, [glob = '']) => {
    const pattern = toRegExp(glob)
    return keyspace.keys().filter((key) => pattern.test(key))
  }),
  dbsize: read(1, (keyspace) => keyspace.keys().length),
  flushall: write(-1, flush),
  flushdb: write(-1, flush),
  time: {
    arity: 1,
    whileLoading: true,
    run: ({ now }) => [String(Math.floor(now / 1_000)), String((now % 1_000) * 1_000)],
  },
  set: growth(-3, set),
  get: read(2, (keyspace, [key = '']) => keyspace.read(key, 'string')?.text ?? null),
  incr: growth(2, increase),
  lpush: growth(-3, push(false)),
  rpush: growth(-3, push(true)),
  lrange: read(4, range),
  llen: read(2, (keyspace, [key = '']) => keyspace.read(key, 'list')?.length ?? 0),
  sadd: growth(-3, addToSet),
  smembers: read(2, (keyspace, [key = '']) => [...(keyspace.read(key, 'set') ?? [])]),
}
