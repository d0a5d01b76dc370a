import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import { MAX_DATE_MS } from '../../../shared/recall.ts'
import { en } from './en.ts'
import type { Messages } from './en.ts'
import { zh } from './zh.ts'
import { browserStorage } from '../state/storage.ts'

export type Language = 'en' | 'zh'

const KEY = 'language'
const WORDS: Readonly<Record<Language, Messages>> = { en, zh }
/** The day before the month, and no AM. */
const LANGUAGE_TAGS: Readonly<Record<Language, string>> = { en: 'en-GB', zh: 'zh-CN' }

export interface Locale {
  readonly language: Language
  readonly words: Messages
  /** A point in time, whole. */
  readonly time: (atMs: number) => string
  /** The day alone; the year where it is another one. */
  readonly day: (atMs: number) => string
  /** The time of day alone. */
  readonly clock: (atMs: number) => string
  readonly number: (value: number) => string
}

/** The language chosen before, or that of the browser. */
export const firstLanguage = (): Language => {
  const chosen = browserStorage.get(KEY) ?? navigator.language
  return chosen.startsWith('zh') ? 'zh' : 'en'
}

export function keepLanguage(language: Language): void {
  browserStorage.set(KEY, language)
}

function speechOf(language: Language): Locale {
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
    words: WORDS[language],
    time: written({ dateStyle: 'medium', timeStyle: 'medium' }),
    day: (atMs) => (year(atMs) === year(Date.now()) ? dayThisYear : dayOfAnyYear)(atMs),
    clock: written({ hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false }),
    number: new Intl.NumberFormat(locale, { maximumFractionDigits: 1 }).format,
  }
}

/** Made once: formats are slow to make. */
export const LOCALES: Readonly<Record<Language, Locale>> = { en: speechOf('en'), zh: speechOf('zh') }

const Spoken = createContext<Locale>(LOCALES.en)

export const SpeechProvider = Spoken.Provider

/** In which language the page speaks. */
export const useLocale = (): Locale => useContext(Spoken)
