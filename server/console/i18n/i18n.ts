import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import { MAX_DATE_MS } from '../../../shared/recall.ts'
import { en } from './en.ts'
import type { Messages } from './en.ts'
import { zh } from './zh.ts'
import { browserStorage } from '../state/storage.ts'

export type Language = 'en' | 'zh'

const LANGUAGE_KEY = 'language'
const TEXTS: Readonly<Record<Language, Messages>> = { en, zh }
/** The day before the month, and no AM. */
const LANGUAGE_TAGS: Readonly<Record<Language, string>> = { en: 'en-GB', zh: 'zh-CN' }

export interface Locale {
  readonly language: Language
  readonly t: Messages
  /** A point in time, whole. */
  readonly dateTime: (atMs: number) => string
  /** The day alone; the year where it is another one. */
  readonly date: (atMs: number) => string
  /** The time of day alone. */
  readonly timeOfDay: (atMs: number) => string
  readonly number: (value: number) => string
}

/** The language chosen before, or that of the browser. */
export const initialLanguage = (): Language => {
  const chosen = browserStorage.get(LANGUAGE_KEY) ?? navigator.language
  return chosen.startsWith('zh') ? 'zh' : 'en'
}

export function saveLanguage(language: Language): void {
  browserStorage.set(LANGUAGE_KEY, language)
}

function createLocale(language: Language): Locale {
  const locale = LANGUAGE_TAGS[language]
  const written = (options: Intl.DateTimeFormatOptions) => {
    const format = new Intl.DateTimeFormat(locale, options)
    return (atMs: number): string => (atMs > MAX_DATE_MS ? `${atMs} ms` : format.format(atMs))
  }
  const dayThisYear = written({ day: 'numeric', month: 'short' })
  const dayOfAnyYear = written({ day: 'numeric', month: 'short', year: 'numeric' })
  const year = (atMs: number): number => new Date(atMs).getFullYear()
  return {
    language,
    t: TEXTS[language],
    dateTime: written({ dateStyle: 'medium', timeStyle: 'medium' }),
    date: (atMs) => (year(atMs) === year(Date.now()) ? dayThisYear : dayOfAnyYear)(atMs),
    timeOfDay: written({ hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false }),
    number: new Intl.NumberFormat(locale, { maximumFractionDigits: 1 }).format,
  }
}

/** Made once: formats are slow to make. */
export const LOCALES: Readonly<Record<Language, Locale>> = { en: createLocale('en'), zh: createLocale('zh') }

const LocaleContext = createContext<Locale>(LOCALES.en)

export const LocaleProvider = LocaleContext.Provider

/** In which language the page speaks. */
export const useLocale = (): Locale => useContext(LocaleContext)
