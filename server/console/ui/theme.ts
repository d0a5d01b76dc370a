import { browserStorage } from '../state/storage.ts'

type Theme = 'light' | 'dark'

const THEME_KEY = 'theme'
const root = document.documentElement
const prefersDark = matchMedia('(prefers-color-scheme: dark)')

const systemTheme = (): Theme => (prefersDark.matches ? 'dark' : 'light')

/** Applies the theme chosen earlier; without one, the page follows the system. */
export function applySavedTheme(): void {
  const theme = browserStorage.get(THEME_KEY)
  if (theme === 'light' || theme === 'dark') root.dataset['theme'] = theme
}

/** Switches between light and dark. Once back at the system's theme, the page follows the system again. */
export function toggleTheme(): void {
  const theme: Theme = (root.dataset['theme'] ?? systemTheme()) === 'dark' ? 'light' : 'dark'
  if (theme === systemTheme()) {
    delete root.dataset['theme']
    browserStorage.remove(THEME_KEY)
  } else {
    root.dataset['theme'] = theme
    browserStorage.set(THEME_KEY, theme)
  }
}
