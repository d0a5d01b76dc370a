import { memoryPositions, storedPositions } from '../../../shared/client.ts'
import type { PositionStore } from '../../../shared/client.ts'
import type { StoreHabit } from '../spec.ts'
import { wait } from './wait.ts'

const FAILS_EVERY = 4
const TORN_EVERY = 3

/** The store of positions of a page, in what its browser keeps. `onStored` is told of what is written. */
export function openStore(
  habit: StoreHabit,
  texts: Map<string, string>,
  onStored: (key: string, text: string) => void,
): PositionStore {
  let calls = 0
  const get = (key: string): string | null => texts.get(key) ?? null
  const set = (key: string, text: string): void => {
    texts.set(key, text)
    onStored(key, text)
  }
  switch (habit) {
    case 'memory':
      return memoryPositions()
    case 'session':
      return storedPositions({ getItem: get, setItem: set })
    case 'slow':
      return storedPositions({
        getItem: async (key) => {
          await wait(5)
          return get(key)
        },
        setItem: async (key: string, text: string) => {
          await wait(8)
          set(key, text)
        },
      })
    case 'failing': {
      const fail = (): void => {
        if (++calls % FAILS_EVERY === 0) throw new Error('QuotaExceededError')
      }
      return storedPositions({
        getItem: (key) => {
          fail()
          return get(key)
        },
        setItem: (key, text) => {
          fail()
          set(key, text)
        },
      })
    }
    case 'torn':
      return storedPositions({
        getItem: (key) => {
          const text = get(key)
          return ++calls % TORN_EVERY === 0 ? (text?.slice(0, -3) ?? null) : text
        },
        setItem: set,
      })
  }
}
