import { browserStorage } from '../state/storage.ts'

type Theme = 'light' | 'dark'

const KEY = 'theme'
const root = document.documentElement
const prefersDark = matchMedia('(prefers-color-scheme: dark)')

const ofSystem = (): Theme => (prefersDark.matches ? 'dark' : 'light')

/** Shows the theme chosen before; without one, that of the system. */
export function showTheme(): void {
  const theme = browserStorage.get(KEY)
  if (theme === 'light' || theme === 'dark') root.dataset['theme'] = theme
}

/** The other theme. Back at that of the system, the page follows the system again. */
export function switchTheme(): void {
  const theme: Theme = (root.dataset['theme'] ?? ofSystem()) === 'dark' ? 'light' : 'dark'
  if (theme === ofSystem()) {
    delete root.dataset['theme']
    browserStorage.remove(KEY)
  } else {
    root.dataset['theme'] = theme
    browserStorage.set(KEY, theme)
  }
  for (const tell of listeners) tell()
}

const listeners = new Set<() => void>()

/** Calls `listener` when the colours have changed; answers how to stop. */
export function onTheme(listener: () => void): () => void {
  listeners.add(listener)
  prefersDark.addEventListener('change', listener)
  return () => {
    listeners.delete(listener)
    prefersDark.removeEventListener('change', listener)
  }
}
