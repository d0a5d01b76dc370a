import { isIdentifier } from '../../../shared/identifier.ts'
import { isFeed } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { tabStorage } from './storage.ts'

const KEY = 'rooms'

/** The rooms that were watched in this tab before it was reloaded, without the feed. */
export function loadRooms(): readonly Room[] {
  try {
    const kept: unknown = JSON.parse(tabStorage.get(KEY) ?? '[]')
    return Array.isArray(kept) ? kept.filter(isRoom) : []
  } catch {
    return []
  }
}

export function keepRooms(rooms: readonly Room[]): void {
  tabStorage.set(KEY, JSON.stringify(rooms.filter((room) => !isFeed(room))))
}

const isRoom = (value: unknown): value is Room =>
  typeof value === 'object' &&
  value !== null &&
  'group' in value &&
  isName(value.group) &&
  (!('topic' in value) || isName(value.topic))

const isName = (value: unknown): boolean => typeof value === 'string' && isIdentifier(value)
