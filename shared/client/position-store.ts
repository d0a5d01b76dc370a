import { isRecord } from '../json.ts'
import type { Position } from '../position.ts'

/** Where a client keeps how far it has got in each room, by the room's name. Whatever it throws counts as nothing kept. */
export interface PositionStore {
  load(room: string): Position | undefined
  save(room: string, position: Position): void
}

/** For as long as the client lives. */
export function memoryPositions(): PositionStore {
  const positions = new Map<string, Position>()
  return {
    load: (room) => positions.get(room),
    save: (room, position) => void positions.set(room, position),
  }
}

/** What `sessionStorage` and `localStorage` can do. */
interface TextStore {
  getItem(key: string): string | null
  setItem(key: string, text: string): void
}

/** Outlives a reload: in `sessionStorage` for as long as the tab is open. `prefix` keeps gateways or apps apart. */
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
