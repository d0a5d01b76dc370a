import type { IdPart, Keyspace, Stream, StreamEntry } from '../keyspace.ts'
import { toInteger } from '../numbers.ts'
import { ErrorReply, SYNTAX_ERROR } from '../reply.ts'
import type { Reply } from '../reply.ts'
import { argument, growth, read, write, wrongNumber } from './command.ts'
import type { Commands } from './command.ts'

interface Id {
  readonly ms: IdPart
  readonly seq: IdPart
}

const MAX_UINT64 = 2n ** 64n - 1n
const INVALID_ID = 'ERR Invalid stream ID specified as stream command argument'
const EQUAL_OR_SMALLER = 'ERR The ID specified in XADD is equal or smaller than the target stream top item'
const EXHAUSTED = 'ERR The stream has exhausted the last possible ID, unable to add more items'

const normalized = (part: bigint): IdPart => (part <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(part) : part)

function toPart(text: string): IdPart {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  if (!/^[ \t\n\v\f\r]*\+?\d+$/.test(text)) throw new ErrorReply(INVALID_ID)
  const part = BigInt(text.trim().replace('+', ''))
  if (part > MAX_UINT64) throw new ErrorReply(INVALID_ID)
  return normalized(part)
}

/** Reads an id, whose second part may be missing. */
function toId(text: string, missingSeq: IdPart): Id {
  if (text.length > 127) throw new ErrorReply(INVALID_ID)
  const dash = text.indexOf('-')
  return dash < 0
    ? { ms: toPart(text), seq: missingSeq }
    : { ms: toPart(text.slice(0, dash)), seq: toPart(text.slice(dash + 1)) }
}

const isEqual = (a: Id, b: Id): boolean => a.ms === b.ms && a.seq === b.seq
const isBefore = (a: Id, b: Id): boolean => a.ms < b.ms || (a.ms === b.ms && a.seq < b.seq)

const next = ({ ms, seq }: Id): Id =>
  seq === MAX_UINT64 ? { ms: normalized(BigInt(ms) + 1n), seq: 0 } : { ms, seq: normalized(BigInt(seq) + 1n) }
const previous = ({ ms, seq }: Id): Id =>
  seq === 0 ? { ms: normalized(BigInt(ms) - 1n), seq: MAX_UINT64 } : { ms, seq: normalized(BigInt(seq) - 1n) }

const lastOf = ({ lastMs, lastSeq }: Stream): Id => ({ ms: lastMs, seq: lastSeq })

/** The id for `*`: the time of the server, unless an entry has a later one. */
function automaticId(stream: Stream | undefined, nowMs: number): Id {
  if (stream === undefined || stream.lastMs < nowMs) return { ms: nowMs, seq: 0 }
  return next(lastOf(stream))
}

/** Reads `MAXLEN [=] n`, at this index. The model trims exactly, as the scripts ask for. */
function toMaxLength(
  args: readonly string[],
  at: number,
): { readonly length: number; readonly after: number } {
  if (args[at + 1] === '~') throw new ErrorReply('ERR the model does not trim approximately')
  const index = args[at + 1] === '=' ? at + 2 : at + 1
  const length = toInteger(argument(args, index))
  if (length < 0) throw new ErrorReply('ERR The MAXLEN argument must be >= 0.')
  return { length, after: index + 1 }
}

function add(keyspace: Keyspace, args: readonly string[]): Reply {
  const key = argument(args, 0)
  const isTrimmed = args[1]?.toLowerCase() === 'maxlen' && args.length > 3
  const trim = isTrimmed ? toMaxLength(args, 1) : { length: Infinity, after: 1 }
  const idText = argument(args, trim.after)
  const given = idText === '*' ? undefined : toId(idText, 0)
  const fields = args.slice(trim.after + 1)
  if (fields.length === 0 || fields.length % 2 > 0) throw wrongNumber('xadd')
  if (given?.ms === 0 && given.seq === 0)
    throw new ErrorReply('ERR The ID specified in XADD must be greater than 0-0')
  const found = keyspace.read(key, 'stream')
  if (found?.lastMs === MAX_UINT64 && found.lastSeq === MAX_UINT64) throw new ErrorReply(EXHAUSTED)
  const id = given ?? automaticId(found, keyspace.now)
  if (found !== undefined && !isBefore(lastOf(found), id)) throw new ErrorReply(EQUAL_OR_SMALLER)
  const stream = keyspace.open(key, 'stream')
  const entry: StreamEntry = { ...id, id: `${id.ms}-${id.seq}`, fields }
  append(keyspace, stream, entry, trim.length)
  return entry.id
}

/** Trimmed entries are cut off only now and then, which keeps both this and undoing it cheap. */
function append(keyspace: Keyspace, stream: Stream, entry: StreamEntry, maxLength: number): void {
  const { entries, start, lastMs, lastSeq } = stream
  const { length } = entries
  entries.push(entry)
  stream.start = Math.max(start, length + 1 - maxLength)
  if (stream.start > 64 && stream.start > 2 * (entries.length - stream.start)) {
    stream.entries = entries.slice(stream.start)
    stream.start = 0
  }
  stream.lastMs = entry.ms
  stream.lastSeq = entry.seq
  keyspace.onUndo(() => {
    entries.length = length
    Object.assign(stream, { entries, start, lastMs, lastSeq })
  })
}

const lengthOf = ({ entries, start }: Stream): number => entries.length - start

const liveEntries = ({ entries, start }: Stream): StreamEntry[] => entries.slice(start)

function replace(keyspace: Keyspace, stream: Stream, entries: StreamEntry[]): void {
  const { entries: before, start } = stream
  Object.assign(stream, { entries, start: 0 })
  keyspace.onUndo(() => void Object.assign(stream, { entries: before, start }))
}

/** A bound of a range: exclusive after `(`. */
function toBound(text: string, isStart: boolean): Id {
  if (text === '-') return { ms: 0, seq: 0 }
  if (text === '+') return { ms: MAX_UINT64, seq: MAX_UINT64 }
  const isExclusive = text.startsWith('(') && text.length > 1
  const id = toId(isExclusive ? text.slice(1) : text, isStart ? 0 : MAX_UINT64)
  if (!isExclusive) return id
  const isLast = isStart ? isEqual(id, { ms: MAX_UINT64, seq: MAX_UINT64 }) : isEqual(id, { ms: 0, seq: 0 })
  if (isLast) throw new ErrorReply(`ERR invalid ${isStart ? 'start' : 'end'} ID for the interval`)
  return isStart ? next(id) : previous(id)
}

/** Returns the index of the first entry that is not before the id. */
function indexOf({ entries, start }: Stream, id: Id): number {
  let from = start
  let to = entries.length
  while (from < to) {
    const middle = (from + to) >> 1
    const entry = entries[middle]
    if (entry !== undefined && isBefore(entry, id)) from = middle + 1
    else to = middle
  }
  return from
}

const range =
  (isReversed: boolean) =>
  (keyspace: Keyspace, [key = '', first = '', second = '', ...options]: readonly string[]): Reply => {
    const [from, to] = isReversed ? [second, first] : [first, second]
    const [start, end] = [toBound(from, true), toBound(to, false)]
    if (options.length > 0 && (options.length !== 2 || options[0]?.toLowerCase() !== 'count'))
      throw new ErrorReply(SYNTAX_ERROR)
    const count = options.length === 0 ? Infinity : Math.max(0, toInteger(argument(options, 1)))
    const stream = keyspace.read(key, 'stream')
    if (stream === undefined) return []
    if (count === 0) return null
    const index = indexOf(stream, start)
    const beyond = indexOf(stream, end)
    const last = stream.entries[beyond]
    const after = last !== undefined && isEqual(last, end) ? beyond + 1 : beyond
    const found = isReversed
      ? stream.entries.slice(Math.max(index, after - count), after).toReversed()
      : stream.entries.slice(index, Math.min(after, index + count))
    return found.map(({ id, fields }): Reply => [id, fields])
  }

function trimTo(keyspace: Keyspace, args: readonly string[]): Reply {
  if (args[1]?.toLowerCase() !== 'maxlen') throw new ErrorReply(SYNTAX_ERROR)
  const { length } = toMaxLength(args, 1)
  const stream = keyspace.read(argument(args, 0), 'stream')
  if (stream === undefined) return 0
  const surplus = lengthOf(stream) - length
  if (surplus <= 0) return 0
  replace(keyspace, stream, liveEntries(stream).slice(surplus))
  return surplus
}

function remove(keyspace: Keyspace, [key = '', ...ids]: readonly string[]): Reply {
  const doomed = ids.map((id) => toId(id, 0))
  const stream = keyspace.read(key, 'stream')
  if (stream === undefined) return 0
  const left = liveEntries(stream).filter((entry) => !doomed.some((id) => isEqual(entry, id)))
  const removed = lengthOf(stream) - left.length
  if (removed > 0) replace(keyspace, stream, left)
  return removed
}

export const STREAM_COMMANDS: Commands = {
  xadd: growth(-5, add),
  xdel: write(-3, remove),
  xlen: read(2, (keyspace, [key = '']) => {
    const stream = keyspace.read(key, 'stream')
    return stream === undefined ? 0 : lengthOf(stream)
  }),
  xrange: read(-4, range(false)),
  xrevrange: read(-4, range(true)),
  xtrim: write(-4, trimTo),
}
