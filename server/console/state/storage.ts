import { claimsOf } from '../../../shared/client/credential.ts'
import { isIdentifier } from '../../../shared/identifier.ts'
import { isFeed } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'

interface TextStorage {
  get(key: string): string | null
  set(key: string, text: string): void
  remove(key: string): void
  clear(): void
}

/** What this tab remembers when it is reloaded. */
const tabStorage = createStorage(() => sessionStorage)

/** What this browser remembers. */
export const browserStorage = createStorage(() => localStorage)

/** A browser may keep nothing for pages, and throws then, also in the middle: it is remembered until the next reload. */
function createStorage(open: () => Storage): TextStorage {
  const memory = new Map<string, string>()
  function tryTo<T>(use: (storage: Storage) => T): T | null {
    try {
      return use(open())
    } catch {
      return null
    }
  }
  return {
    get: (key) => memory.get(key) ?? tryTo((storage) => storage.getItem(key)),
    set(key, text) {
      memory.set(key, text)
      tryTo((storage) => storage.setItem(key, text))
    },
    remove(key) {
      memory.delete(key)
      tryTo((storage) => storage.removeItem(key))
    },
    clear() {
      memory.clear()
      tryTo((storage) => storage.clear())
    },
  }
}

const TOKEN_KEY = 'token'

/**
 * The token from the fragment of the address, otherwise the one kept for this tab. It leaves the address bar at once, so
 * that no one copies it along with the address.
 */
export function takeToken(): string | undefined {
  const token = new URLSearchParams(location.hash.slice(1)).get('token')
  if (token !== null) {
    history.replaceState(null, '', location.pathname + location.search)
    saveToken(token)
  }
  return tabStorage.get(TOKEN_KEY) || undefined
}

/** Keeps the token until the tab is closed. */
export const saveToken = (token: string): void => tabStorage.set(TOKEN_KEY, token)

/** With all else that this tab remembers of what the token let one see. */
export const forgetToken = (): void => tabStorage.clear()

/** Whether the token says it is an administrator's: only good for choosing what to show first, the gateway decides. */
export const claimsAdmin = (token: string): boolean => claimsOf(token)['role'] === 'admin'

const ROOMS_KEY = 'rooms'

/** The rooms that were watched in this tab before it was reloaded, without the feed. */
export function loadRooms(): readonly Room[] {
  try {
    const kept: unknown = JSON.parse(tabStorage.get(ROOMS_KEY) ?? '[]')
    return Array.isArray(kept) ? kept.filter(isRoom) : []
  } catch {
    return []
  }
}

export function saveRooms(rooms: readonly Room[]): void {
  tabStorage.set(ROOMS_KEY, JSON.stringify(rooms.filter((room) => !isFeed(room))))
}

const isRoom = (value: unknown): value is Room =>
  typeof value === 'object' &&
  value !== null &&
  'group' in value &&
  isIdentifierText(value.group) &&
  (!('topic' in value) || isIdentifierText(value.topic))

const isIdentifierText = (value: unknown): boolean => typeof value === 'string' && isIdentifier(value)
