import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import { MAX_DATE_MS } from '../../../shared/recall.ts'
import { browserStorage } from '../state/storage.ts'
import { en } from './en.ts'
import type { Messages } from './en.ts'
import { zh } from './zh.ts'

export type Language = 'en' | 'zh'

/** A language's texts and formats. */
export interface Locale {
  readonly language: Language
  readonly t: Messages
  /** Date and time. */
  readonly dateTime: (atMs: number) => string
  /** The date; with the year only if it is not this year. */
  readonly date: (atMs: number) => string
  readonly timeOfDay: (atMs: number) => string
  readonly number: (value: number) => string
}

const TEXTS: Readonly<Record<Language, Messages>> = { en, zh }
/** British English: day before month, 24-hour clock. */
const LANGUAGE_TAGS: Readonly<Record<Language, string>> = { en: 'en-GB', zh: 'zh-CN' }

/** Created once: `Intl` formats are expensive to create. */
export const LOCALES: Readonly<Record<Language, Locale>> = { en: createLocale('en'), zh: createLocale('zh') }

function createLocale(language: Language): Locale {
  const tag = LANGUAGE_TAGS[language]
  const formatter = (options: Intl.DateTimeFormatOptions) => {
    const format = new Intl.DateTimeFormat(tag, options)
    return (atMs: number): string => (atMs > MAX_DATE_MS ? `${atMs} ms` : format.format(atMs))
  }
  const dateThisYear = formatter({ day: 'numeric', month: 'short' })
  const dateOfAnyYear = formatter({ day: 'numeric', month: 'short', year: 'numeric' })
  const year = (atMs: number): number => new Date(atMs).getFullYear()
  return {
    language,
    t: TEXTS[language],
    dateTime: formatter({ dateStyle: 'medium', timeStyle: 'medium' }),
    date: (atMs) => (year(atMs) === year(Date.now()) ? dateThisYear : dateOfAnyYear)(atMs),
    timeOfDay: formatter({ hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false }),
    number: new Intl.NumberFormat(tag, { maximumFractionDigits: 1 }).format,
  }
}

const LocaleContext = createContext<Locale>(LOCALES.en)

export const LocaleProvider = LocaleContext.Provider

export const useLocale = (): Locale => useContext(LocaleContext)

const LANGUAGE_KEY = 'language'

/** Returns the language chosen earlier, otherwise the browser's. */
export function initialLanguage(): Language {
  const language = browserStorage.get(LANGUAGE_KEY) ?? navigator.language
  return language.startsWith('zh') ? 'zh' : 'en'
}

export function saveLanguage(language: Language): void {
  browserStorage.set(LANGUAGE_KEY, language)
}
