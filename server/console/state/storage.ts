import { claimsOf } from '../../../shared/client/credential.ts'
import { isIdentifier } from '../../../shared/identifier.ts'
import { isRecord } from '../../../shared/json.ts'
import { isFeed } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'

interface TextStorage {
  get(key: string): string | null
  set(key: string, text: string): void
  remove(key: string): void
  clear(): void
}

/** Survives a reload of this tab. */
const tabStorage = createStorage(() => sessionStorage)

/** Shared by all tabs of this browser. */
export const browserStorage = createStorage(() => localStorage)

/**
 * A browser that blocks storage throws on access, possibly only later on. Values are then held in memory until the next
 * reload.
 */
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
 * Returns the token from the address's fragment, otherwise the one saved for this tab. Removes it from the address bar
 * immediately, so that nobody copies it along with the address.
 */
export function takeToken(): string | undefined {
  const token = new URLSearchParams(location.hash.slice(1)).get('token')
  if (token !== null) {
    history.replaceState(null, '', location.pathname + location.search)
    saveToken(token)
  }
  return tabStorage.get(TOKEN_KEY) || undefined
}

/** Saves the token until the tab is closed. */
export const saveToken = (token: string): void => tabStorage.set(TOKEN_KEY, token)

/** Clears everything this tab has saved: the rooms too are known only through the token. */
export const forgetToken = (): void => tabStorage.clear()

/** Returns whether the token claims the role `admin`. Decides only what to show; the gateway decides what is allowed. */
export const claimsAdmin = (token: string): boolean => claimsOf(token)['role'] === 'admin'

const ROOMS_KEY = 'rooms'

/** The rooms this tab watched before it was reloaded, without the feed. */
export function loadRooms(): readonly Room[] {
  try {
    const rooms: unknown = JSON.parse(tabStorage.get(ROOMS_KEY) ?? '[]')
    return Array.isArray(rooms) ? rooms.filter(isRoom) : []
  } catch {
    return []
  }
}

export function saveRooms(rooms: readonly Room[]): void {
  tabStorage.set(ROOMS_KEY, JSON.stringify(rooms.filter((room) => !isFeed(room))))
}

const isRoom = (value: unknown): value is Room =>
  isRecord(value) &&
  isIdentifierText(value['group']) &&
  (!('topic' in value) || isIdentifierText(value['topic']))

const isIdentifierText = (value: unknown): boolean => typeof value === 'string' && isIdentifier(value)
