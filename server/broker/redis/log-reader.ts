import { randomUUID } from 'node:crypto'
import type { Notice } from '../../../shared/notice.ts'
import type { Position } from '../../../shared/position.ts'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { createBatchLoader } from '../../lib/flow-control.ts'
import type { Broker } from '../broker.ts'
import { epochAfter } from '../epoch-names.ts'
import { historySince } from '../history.ts'
import { POSITION_TTL_S, UNUSED_POSITION_TTL_S } from '../retention.ts'
import { withTimeout } from '../timeout.ts'
import { COMMAND_TIMEOUT_MS } from './connection/connection.ts'
import type { Connection } from './connection/connection.ts'
import type { Keys } from './keys.ts'
import { createOverdueGate } from './overdue-gate.ts'
import { toArray, toPositions, unexpectedReply } from './scripts.ts'
import type { ReadEntry } from './signature.ts'

/** Rooms per call of the heads script, which names each of its keys. */
const HEADS_PER_CALL = 16

interface LogReaderDependencies {
  readonly commands: Connection['client']
  readonly keys: Keys
  readonly readEntry: ReadEntry
}

type LogReader = Pick<Broker, 'history' | 'historyBefore' | 'heads' | 'newEpoch'>

/** Reads logs and heads, and replaces the epochs of logs that lost entries. */
export function createLogReader({ commands, keys, readEntry }: LogReaderDependencies): LogReader {
  /** Arguments of every script that reads a head: the epoch of a new log, the TTL of its head, that of an unused one. */
  const headArguments = (): [string, number, number] => [randomUUID(), POSITION_TTL_S, UNUSED_POSITION_TTL_S]

  const reading = createOverdueGate(
    () => commands.ping(),
    () => commands.status === 'ready',
  )

  async function headsOf(rooms: readonly Room[]): Promise<Position[]> {
    const headKeys = rooms.map((room) => keys.head(roomName(room)))
    return toPositions(
      await reading(() => commands.recallHeads(headKeys.length, ...headKeys, ...headArguments())),
    )
  }

  const headOf = createBatchLoader(HEADS_PER_CALL, headsOf)

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
      return {
        notices: entriesOf(rest, name)
          .filter((notice) => notice !== null)
          .toReversed(),
        head,
      }
    },

    async heads(rooms) {
      const [only, ...others] = rooms
      if (only !== undefined && others.length === 0) return [await headOf(only)]
      const calls = []
      for (let i = 0; i < rooms.length; i += HEADS_PER_CALL)
        calls.push(headsOf(rooms.slice(i, i + HEADS_PER_CALL)))
      return (await Promise.all(calls)).flat()
    },

    async newEpoch(room, epoch, agreesUntil, cut) {
      const names = [keys.head(roomName(room)), keys.channel(roomName(room))]
      await withTimeout(
        COMMAND_TIMEOUT_MS,
        commands.recallNewEpoch(names.length, ...names, epoch, epochAfter(epoch, cut), agreesUntil ?? ''),
      )
    },
  }
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
    entries.push(read(text, Number.parseInt(id, 10)))
  }
  return entries
}
