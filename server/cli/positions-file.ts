import { GatewayError } from '../../shared/errors.ts'
import { isRecord } from '../../shared/json.ts'
import { isPosition } from '../../shared/position.ts'
import type { Position } from '../../shared/position.ts'
import { lockNoted, readNoted, writeNoted } from './note-file.ts'

const MAX_BYTES = 256 * 1024
/** Of one room with its position. */
const MAX_ROOM_BYTES = 1_024

/** The position of each room, in a file that is replaced as a whole. */
export interface PositionsFile {
  load(room: string): Position | undefined
  save(room: string, position: Position): void
  /** Lets others have the file. */
  close(): void
}

/**
 * Opens the file for this room; it is empty if it does not exist. Throws CONFIG_INVALID if it holds something else, or while another
 * process has it open: each would write down where the other was when it began.
 */
export function openPositions(path: string, room: string): PositionsFile {
  const lock = lockNoted(path, '--position', 'name another file for each')
  const positions = read(path)
  // What could not be read the next time must not be written.
  if (
    !positions.has(room) &&
    JSON.stringify(Object.fromEntries(positions)).length > MAX_BYTES - MAX_ROOM_BYTES
  )
    throw new GatewayError(
      'CONFIG_INVALID',
      `${path} holds the positions of too many rooms: name another file`,
    )
  return {
    close: () => lock.close(),
    load: (name) => positions.get(name),
    save(name, position) {
      positions.set(name, position)
      writeNoted(path, Object.fromEntries(positions))
    },
  }
}

function read(path: string): Map<string, Position> {
  const text = readNoted(path)
  if (text === undefined) return new Map()
  const value = text.length > MAX_BYTES ? undefined : parse(text)
  const entries = isRecord(value) ? Object.entries(value) : []
  if (!isRecord(value) || !entries.every((entry): entry is [string, Position] => isPosition(entry[1])))
    throw new GatewayError('CONFIG_INVALID', `${path} holds no positions: remove it to start from now`)
  return new Map(entries as [string, Position][])
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
