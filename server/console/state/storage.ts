interface TextStorage {
  get(key: string): string | null
  set(key: string, text: string): void
  remove(key: string): void
  clear(): void
}

/** What this tab remembers when it is reloaded. */
export const tabStorage = createStorage(() => sessionStorage)

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
