import { roomName } from '../../../shared/room.ts'
import type { Broker, BrokerOptions } from '../broker.ts'
import { byRoom } from '../told.ts'
import type { Told, ToldNote } from '../told.ts'
import { withTimeout } from '../timeout.ts'
import { COMMAND_TIMEOUT_MS } from './connection/connection.ts'
import type { Connection } from './connection/connection.ts'
import type { Keys } from './keys.ts'

/** Logs outlive their TTL by a sixteenth of it. Whatever extends that, extends the TTL of their notes; see `publish.lua`. */
const TTL_MS_PER_S = 1_125

/** Rooms per call of the script: it names each of its keys. */
const ROOMS_PER_CALL = 32

interface ToldNotesDependencies {
  readonly commands: Connection['client']
  readonly keys: Keys
}

/** Notes which notices were told when, beside the logs and for as long. */
export function createToldNotes(
  { historySize, historyTtlS }: BrokerOptions,
  { commands, keys }: ToldNotesDependencies,
): Pick<Broker, 'noteTold' | 'told'> {
  async function write(rooms: readonly (readonly [name: string, notes: readonly ToldNote[]])[]) {
    const values: (string | number)[] = [historyTtlS * TTL_MS_PER_S, historySize]
    for (const [, notes] of rooms) {
      values.push(notes.length)
      for (const { offset, atMs, receivedAtMs, node } of notes) values.push(offset, atMs, receivedAtMs, node)
    }
    const names = rooms.map(([name]) => keys.told(name))
    await withTimeout(COMMAND_TIMEOUT_MS, commands.recallTold(names.length, ...names, ...values))
  }

  return {
    async noteTold(notes) {
      const rooms = [...byRoom(notes, roomName)]
      const calls = []
      for (let i = 0; i < rooms.length; i += ROOMS_PER_CALL)
        calls.push(write(rooms.slice(i, i + ROOMS_PER_CALL)))
      await Promise.all(calls)
    },

    async told({ room, first, last }) {
      const found = new Map<number, Told>()
      if (last < first) return found
      const offsets = Array.from({ length: last - first + 1 }, (_, i) => first + i)
      const key = keys.told(roomName(room))
      const values = await withTimeout(COMMAND_TIMEOUT_MS, commands.hmget(key, ...offsets.map(String)))
      for (const [i, value] of values.entries()) {
        const told = parseTold(value ?? '')
        if (told !== undefined) found.set(first + i, told)
      }
      return found
    },
  }
}

/** Parses `<ms told>:<ms received>:<node>`. */
function parseTold(text: string): Told | undefined {
  const [, atMs, receivedAtMs, node] = /^(\d{1,16}):(-?\d{1,16}(?:\.\d+)?):(.{0,256})$/s.exec(text) ?? []
  if (node === undefined) return undefined
  return { atMs: Number(atMs), receivedAtMs: Number(receivedAtMs), node }
}
