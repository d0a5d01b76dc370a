import { isRecord } from '../json.ts'
import type { Position } from '../position.ts'

/**
 * Stores the client's position in each room. `room` is the name of the room, such as `group:lobby` or `feed`. Both methods
 * are synchronous. If `load` throws, the client starts from now; whatever either throws goes to the `error` event.
 */
export interface PositionStore {
  load(room: string): Position | undefined
  save(room: string, position: Position): void
}

/** Stores positions in memory, for as long as the client lives. */
export function memoryPositions(): PositionStore {
  const positions = new Map<string, Position>()
  return {
    load: (room) => positions.get(room),
    save: (room, position) => void positions.set(room, position),
  }
}

/** The same store, but it never throws: errors go to `onError`, and a position that cannot be loaded is undefined. */
export function withErrorsReported(store: PositionStore, onError: (error: unknown) => void): PositionStore {
  const attempt = <T>(act: () => T): T | undefined => {
    try {
      return act()
    } catch (error) {
      onError(error)
      return undefined
    }
  }
  return {
    load: (room) => attempt(() => store.load(room)),
    save: (room, position) => attempt(() => store.save(room, position)),
  }
}

/** The part of `Storage` that `storedPositions` uses. */
interface TextStore {
  getItem(key: string): string | null
  setItem(key: string, text: string): void
}

/**
 * Stores positions in `sessionStorage` (survives reloads of the tab), in `localStorage`, or in anything with the same two
 * methods. `prefix` starts every key; give each gateway or app its own if they share a storage.
 */
export function storedPositions(storage: TextStore, prefix = 'recall-gateway:'): PositionStore {
  return {
    load(room) {
      const value: unknown = JSON.parse(storage.getItem(prefix + room) ?? 'null')
      return isPosition(value) ? value : undefined
    },
    save: (room, position) => storage.setItem(prefix + room, JSON.stringify(position)),
  }
}

const isPosition = (value: unknown): value is Position =>
  isRecord(value) && typeof value['epoch'] === 'string' && Number.isSafeInteger(value['offset'])
