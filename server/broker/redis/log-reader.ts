import { randomUUID } from 'node:crypto'
import type { Notice } from '../../../shared/notice.ts'
import type { Position } from '../../../shared/position.ts'
import type { RecalledAt } from '../../../shared/recall.ts'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { createBatchLoader } from '../../lib/flow-control.ts'
import { POSITION_TTL_S, UNUSED_POSITION_TTL_S } from '../broker.ts'
import type { Broker } from '../broker.ts'
import { historySince } from '../history.ts'
import { withTimeout } from '../timeout.ts'
import { COMMAND_TIMEOUT_MS } from './connection/connection.ts'
import type { Connection } from './connection/connection.ts'
import type { Keys } from './keys.ts'
import { toArray, toPositions, unexpected } from './scripts.ts'
import type { ReadEntry } from './signature.ts'

/** Rooms whose tops are asked in one script call; keeps a call well below a millisecond. */
const TOPS_PER_CALL = 200

interface LogReaderDependencies {
  readonly commands: Connection['client']
  readonly keys: Keys
  readonly readEntry: ReadEntry
}

type LogReader = Pick<Broker, 'history' | 'historyBefore' | 'heads' | 'newEpoch' | 'recalled'>

/** Reads logs and recalled sets, and replaces the epoch of a log that lost entries. */
export function createLogReader({ commands, keys, readEntry }: LogReaderDependencies): LogReader {
  /** Epoch and lives of a head that the call makes, in the order of the scripts' arguments. */
  const newHead = (): [string, number, number] => [randomUUID(), POSITION_TTL_S, UNUSED_POSITION_TTL_S]

  async function topsOf(rooms: readonly Room[]): Promise<Position[]> {
    const heads = rooms.map((room) => keys.head(roomName(room)))
    return toPositions(
      await withTimeout(COMMAND_TIMEOUT_MS, commands.recallHeads(heads.length, ...heads, ...newHead())),
    )
  }

  const topOf = createBatchLoader(TOPS_PER_CALL, topsOf)

  return {
    async history(room, since, limit) {
      const name = roomName(room)
      const names = [keys.head(name), keys.log(name)]
      const [epoch, offset, ...entries] = toArray(
        await withTimeout(
          COMMAND_TIMEOUT_MS,
          commands.recallHistory(2, ...names, since.offset, limit, ...newHead()),
        ),
      )
      const [top] = toPositions([epoch, offset])
      return historySince(
        since,
        top ?? since,
        toEntries(entries, (entry, at) => readEntry(entry, at, name)),
      )
    },

    async historyBefore(room, before, limit) {
      const name = roomName(room)
      const names = [keys.head(name), keys.log(name)]
      const [epoch, offset, ...entries] = toArray(
        await withTimeout(
          COMMAND_TIMEOUT_MS,
          commands.recallHistoryBefore(2, ...names, before, limit, ...newHead()),
        ),
      )
      const [top] = toPositions([epoch, offset])
      const read = toEntries(entries, (entry, at) => readEntry(entry, at, name))
      return {
        notices: read.filter((notice) => notice !== null).toReversed(),
        head: top ?? { epoch: '', offset: 0 },
      }
    },

    async heads(rooms) {
      const [only, ...others] = rooms
      if (only !== undefined && others.length === 0) return [await topOf(only)]
      const calls = []
      for (let i = 0; i < rooms.length; i += TOPS_PER_CALL)
        calls.push(topsOf(rooms.slice(i, i + TOPS_PER_CALL)))
      return (await Promise.all(calls)).flat()
    },

    async newEpoch(room, epoch) {
      const names = [keys.head(roomName(room)), keys.channel(roomName(room))]
      await withTimeout(
        COMMAND_TIMEOUT_MS,
        commands.recallNewEpoch(names.length, ...names, epoch, randomUUID()),
      )
    },

    async recalled(conversation, seqs) {
      if (seqs.length === 0) return []
      const scores = await withTimeout(
        COMMAND_TIMEOUT_MS,
        commands.zmscore(keys.recalled(conversation), ...seqs),
      )
      return seqs.flatMap((seq, i): RecalledAt[] => {
        const score = scores[i]
        return score === null || score === undefined ? [] : [{ seq, atMs: Number(score) }]
      })
    },
  }
}

/** Reads `stream id, entry, stream id, entry …`; null for an entry that `read` refuses. */
function toEntries(
  flat: readonly unknown[],
  read: (entry: string, offset: number) => Notice | null,
): (Notice | null)[] {
  const entries: (Notice | null)[] = []
  for (let i = 0; i < flat.length; i += 2) {
    const [id, text] = [flat[i], flat[i + 1]]
    if (typeof id !== 'string' || typeof text !== 'string') throw unexpected()
    entries.push(read(text, Number.parseInt(id, 10)))
  }
  return entries
}
