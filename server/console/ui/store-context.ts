import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { Store } from '../state/store.ts'

const StoreContext = createContext<Store | undefined>(undefined)

export const StoreProvider = StoreContext.Provider

/** The state of the page after login. */
export function useStore(): Store {
  const store = useContext(StoreContext)
  if (store === undefined) throw new Error('no store: this part of the page is rendered only after login')
  return store
}
