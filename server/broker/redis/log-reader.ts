import { randomUUID } from 'node:crypto'
import type { Notice } from '../../../shared/notice.ts'
import type { Position } from '../../../shared/position.ts'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { createBatchLoader } from '../../lib/flow-control.ts'
import { POSITION_RENEWAL_S } from '../broker.ts'
import type { Broker } from '../broker.ts'
import { toHistoryBefore } from '../log-reading.ts'
import type { Excerpt, LogPart, StoredEntry } from '../log-reading.ts'
import { parseLink } from '../chain.ts'
import { epochAfter } from '../epoch-names.ts'
import { historySince } from '../history.ts'
import { POSITION_TTL_S, UNUSED_POSITION_TTL_S } from '../retention.ts'
import { withTimeout } from '../timeout.ts'
import { COMMAND_TIMEOUT_MS } from './connection/connection.ts'
import type { Connection } from './connection/connection.ts'
import type { Keys } from './keys.ts'
import { createOverdueGate } from './overdue-gate.ts'
import { toArray, toPositions, unexpectedReply } from './scripts.ts'
import { withoutSignature } from './signature.ts'
import type { ReadEntry } from './signature.ts'

/** Rooms per call of the scripts that read those of many: each names all of its keys. */
const HEADS_PER_CALL = 64
const EXCERPTS_PER_CALL = 32

interface LogReaderDependencies {
  readonly commands: Connection['client']
  readonly keys: Keys
  readonly readEntry: ReadEntry
}

type LogReader = Pick<Broker, 'history' | 'historyBefore' | 'heads' | 'excerpts' | 'entries' | 'newEpoch'>

/** Reads logs and heads, and replaces the epochs of logs that lost entries. */
export function createLogReader({ commands, keys, readEntry }: LogReaderDependencies): LogReader {
  /** Arguments of every script that reads a head: the epoch of a new log, the TTL of its head, that of an unused one. */
  const headArguments = (): [string, number, number] => [
    randomUUID(),
    POSITION_TTL_S + POSITION_RENEWAL_S,
    UNUSED_POSITION_TTL_S + POSITION_RENEWAL_S,
  ]

  const reading = createOverdueGate(
    () => commands.ping(),
    () => commands.status === 'ready',
  )

  async function headsOf(rooms: readonly Room[], renews: boolean): Promise<Position[]> {
    const headKeys = rooms.map((room) => keys.head(roomName(room)))
    const values = [...headArguments(), renews ? 1 : 0]
    return toPositions(await reading(() => commands.recallHeads(headKeys.length, ...headKeys, ...values)))
  }

  const headOf = createBatchLoader(HEADS_PER_CALL, (rooms: readonly Room[]) => headsOf(rooms, true))

  /** Reads a page of the log around this offset, and what the script returns before it. */
  async function read(
    script: 'recallHistory' | 'recallHistoryBefore',
    room: string,
    ...values: readonly (string | number)[]
  ): Promise<{ readonly head: Position; readonly rest: readonly unknown[] }> {
    const reply = await reading(() => commands[script](2, keys.head(room), keys.log(room), ...values))
    const [epoch, lastOffset, ...rest] = toArray(reply)
    const [head] = toPositions([epoch, lastOffset])
    if (head === undefined) throw unexpectedReply()
    return { head, rest }
  }

  const entriesOf = (rest: readonly unknown[], room: string): (Notice | null)[] =>
    toEntries(rest, (entry, at) => readEntry(entry, at, room))

  async function excerptsOf(parts: readonly LogPart[]): Promise<Excerpt[]> {
    const names = parts.map(({ room }) => roomName(room))
    const logKeys = names.flatMap((name) => [keys.head(name), keys.log(name)])
    const offsets = parts.flatMap(({ first, last }) => [first, last])
    const reply = toArray(
      await reading(() =>
        commands.recallExcerpts(logKeys.length, ...logKeys, ...headArguments(), ...offsets),
      ),
    )
    return names.map((name, i) => {
      const [epoch, offset, entries] = reply.slice(3 * i, 3 * i + 3)
      const [head] = toPositions([epoch, offset])
      if (head === undefined) throw unexpectedReply()
      return { head, entries: entriesOf(toArray(entries), name) }
    })
  }

  return {
    async history(room, since, limit) {
      const name = roomName(room)
      const values = [since.offset, limit, ...headArguments(), since.epoch]
      const { head, rest } = await read('recallHistory', name, ...values)
      const [resume, ...entries] = rest
      if (typeof resume !== 'number') throw unexpectedReply()
      return historySince(since, head, entriesOf(entries, name), resume)
    },

    async historyBefore(room, before, limit) {
      const name = roomName(room)
      const { head, rest } = await read('recallHistoryBefore', name, before, limit, ...headArguments())
      const firstId = rest.at(-2)
      return toHistoryBefore(
        entriesOf(rest, name).toReversed(),
        typeof firstId === 'string' ? offsetIn(firstId) : undefined,
        head,
      )
    },

    async heads(rooms, { renews = true } = {}) {
      const [only, ...others] = rooms
      if (only !== undefined && others.length === 0) return [await headOf(only)]
      return await inParts(rooms, HEADS_PER_CALL, (some) => headsOf(some, renews))
    },

    async entries(room, after, limit) {
      const name = roomName(room)
      const reply = await reading(() =>
        commands.recallEntries(2, keys.head(name), keys.log(name), after, limit),
      )
      const [epoch, lastOffset, ...rest] = toArray(reply)
      if (epoch === '') return { entries: [] }
      const [head] = toPositions([epoch, lastOffset])
      if (head === undefined) throw unexpectedReply()
      const entries: StoredEntry[] = []
      for (let i = 0; i < rest.length; i += 3) {
        const [id, stored, link] = rest.slice(i, i + 3)
        if (typeof id !== 'string' || typeof stored !== 'string' || typeof link !== 'string')
          throw unexpectedReply()
        const offset = Number.parseInt(id, 10)
        const notice = readEntry(stored, offset, name)
        entries.push({ offset, ...withoutSignature(stored), notice, link: parseLink(link) })
      }
      return { entries, head }
    },

    excerpts: (parts) => inParts(parts, EXCERPTS_PER_CALL, excerptsOf),

    async newEpoch(room, epoch, agreesUntil, cut) {
      const names = [keys.head(roomName(room)), keys.channel(roomName(room))]
      await withTimeout(
        COMMAND_TIMEOUT_MS,
        commands.recallNewEpoch(names.length, ...names, epoch, epochAfter(epoch, cut), agreesUntil ?? ''),
      )
    },
  }
}

/** Reads all of them in calls of at most `max`. */
async function inParts<Item, Value>(
  all: readonly Item[],
  max: number,
  read: (some: readonly Item[]) => Promise<readonly Value[]>,
): Promise<readonly Value[]> {
  const calls = []
  for (let i = 0; i < all.length; i += max) calls.push(read(all.slice(i, i + max)))
  return (await Promise.all(calls)).flat()
}

/** Parses `stream id, entry, stream id, entry …`; null for an entry that `read` refuses. */
function toEntries(
  flat: readonly unknown[],
  read: (entry: string, offset: number) => Notice | null,
): (Notice | null)[] {
  const entries: (Notice | null)[] = []
  for (let i = 0; i < flat.length; i += 2) {
    const [id, text] = [flat[i], flat[i + 1]]
    if (typeof id !== 'string' || typeof text !== 'string') throw unexpectedReply()
    entries.push(read(text, offsetIn(id)))
  }
  return entries
}

/** Returns the offset in the id of an entry, such as `7-0`. */
const offsetIn = (id: string): number => Number.parseInt(id, 10)
