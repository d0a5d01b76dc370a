import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { GatewayError, reasonOf } from '../../shared/errors.ts'
import { isRecord } from '../../shared/json.ts'
import { isPosition } from '../../shared/position.ts'
import type { Position } from '../../shared/position.ts'

const MAX_BYTES = 64 * 1024

/** The position of each room, in a file that is replaced as a whole. */
export interface PositionsFile {
  load(room: string): Position | undefined
  save(room: string, position: Position): void
}

/** Opens the file; it is empty if it does not exist. Throws CONFIG_INVALID if it holds something else. */
export function openPositions(path: string): PositionsFile {
  const positions = read(path)
  return {
    load: (room) => positions.get(room),
    save(room, position) {
      positions.set(room, position)
      writeFileSync(`${path}.new`, `${JSON.stringify(Object.fromEntries(positions))}\n`, { mode: 0o600 })
      renameSync(`${path}.new`, path)
    },
  }
}

function read(path: string): Map<string, Position> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    if (isMissing(cause)) return new Map()
    throw new GatewayError('CONFIG_INVALID', `cannot read --position: ${reasonOf(cause)}`, { cause })
  }
  const value = text.length > MAX_BYTES ? undefined : parse(text)
  const entries = isRecord(value) ? Object.entries(value) : []
  if (!isRecord(value) || !entries.every((entry): entry is [string, Position] => isPosition(entry[1])))
    throw new GatewayError('CONFIG_INVALID', `${path} holds no positions: remove it to start from now`)
  return new Map(entries as [string, Position][])
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
