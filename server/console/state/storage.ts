import { isFeed } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { parseConversation } from './conversations.ts'
import type { TextStore } from './rung.ts'

interface TextStorage {
  get(key: string): string | null
  set(key: string, text: string): void
  remove(key: string): void
}

/** Survives a reload of this tab. */
const tabStorage = createStorage(() => sessionStorage)

/** Shared by all tabs of this browser. */
export const browserStorage = createStorage(() => localStorage)

/**
 * A browser that blocks storage throws on access, possibly only later on. Values are then held in memory until the next
 * reload. Below the root of its origin, the page shares storage with the other pages there, perhaps with another gateway, so
 * the keys contain the path.
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
  const nameOf = (key: string): string => `${new URL('.', location.href).pathname.slice(1)}${key}`
  return {
    get: (key) => memory.get(key) ?? tryTo((storage) => storage.getItem(nameOf(key))),
    set(key, text) {
      memory.set(key, text)
      tryTo((storage) => {
        storage.setItem(nameOf(key), text)
        // From now on, other tabs may change it.
        memory.delete(key)
      })
    },
    remove(key) {
      memory.delete(key)
      tryTo((storage) => storage.removeItem(nameOf(key)))
    },
  }
}

const TOKEN_KEY = 'token'
const ROOMS_KEY = 'rooms'
const RUNG_KEY = 'rung'
const ADDRESS_KEY = 'address'
const SIGN_IN_KEY = 'sign-in'

/** Returns the token saved for this tab. */
export const loadToken = (): string | undefined => tabStorage.get(TOKEN_KEY) || undefined

/** Keeps the fragment of this tab while it is at the app's sign-in, which comes back with a token alone. */
export const keepFragment = (fragment: string): void => tabStorage.set(ADDRESS_KEY, fragment)

export const keptFragment = (): string => tabStorage.get(ADDRESS_KEY) ?? ''

/** Saves the token until the tab is closed. */
export const saveToken = (token: string): void => tabStorage.set(TOKEN_KEY, token)

/** Removes everything this tab has saved: the rooms too are known only through the token. */
export function forgetToken(): void {
  for (const key of [TOKEN_KEY, ROOMS_KEY, RUNG_KEY, ADDRESS_KEY, SIGN_IN_KEY]) tabStorage.remove(key)
}

/** Longer ago, a person has given up. */
const MAX_SIGN_IN_MS = 3_600_000

/** Notes that this tab goes to sign in, or that it has opened another one for that. */
export function saveSignIn(where: 'here' | 'in another tab'): void {
  const storage = where === 'here' ? tabStorage : browserStorage
  storage.set(SIGN_IN_KEY, String(Date.now()))
}

/** Returns whether this tab has gone to sign in, or may be one that another has opened for that. Says so once. */
export function takeSignIn(): 'here' | 'in another tab' | undefined {
  const [isHere, isElsewhere] = [tabStorage, browserStorage].map((storage) => {
    const atMs = Number(storage.get(SIGN_IN_KEY) ?? Number.NaN)
    storage.remove(SIGN_IN_KEY)
    return Math.abs(Date.now() - atMs) < MAX_SIGN_IN_MS
  })
  return isHere ? 'here' : isElsewhere ? 'in another tab' : undefined
}

/** What rings, in this browser, and what has rung, in this tab. */
export const ringStores = { rules: storeAt(browserStorage, 'rings'), rung: storeAt(tabStorage, RUNG_KEY) }

function storeAt(storage: TextStorage, key: string): TextStore {
  return { get: () => storage.get(key), set: (text) => storage.set(key, text) }
}

/** The rooms this tab watched before it was reloaded, without the feed. */
export function loadRooms(): readonly Room[] {
  try {
    const rooms: unknown = JSON.parse(tabStorage.get(ROOMS_KEY) ?? '[]')
    return Array.isArray(rooms) ? rooms.flatMap((room) => parseConversation(room) ?? []) : []
  } catch {
    return []
  }
}

export function saveRooms(rooms: readonly Room[]): void {
  tabStorage.set(ROOMS_KEY, JSON.stringify(rooms.filter((room) => !isFeed(room))))
}
