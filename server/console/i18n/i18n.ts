import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import { browserStorage } from '../state/storage.ts'
import { en } from './en.ts'
import type { Messages } from './en.ts'
import { createFormats } from './formats.ts'
import type { Formats } from './formats.ts'
import { zh } from './zh.ts'

export type Language = 'en' | 'zh'

/** A language's texts and formats. */
export interface Locale extends Formats {
  readonly language: Language
  readonly t: Messages
}

const TEXTS: Readonly<Record<Language, Messages>> = { en, zh }
/** British English: day before month, 24-hour clock. */
const LANGUAGE_TAGS: Readonly<Record<Language, string>> = { en: 'en-GB', zh: 'zh-CN' }

const UTC_KEY = 'utc'
let isUtc = browserStorage.get(UTC_KEY) === 'on'

/** Whether times are shown in UTC, instead of in the browser's time zone. */
export const showsUtc = (): boolean => isUtc

/** Switches between UTC and the browser's time zone. The page must be rendered again. */
export function toggleUtc(): void {
  isUtc = !isUtc
  browserStorage.set(UTC_KEY, isUtc ? 'on' : 'off')
}

/** Each created once: `Intl` formats are expensive to create. */
const created = new Map<string, Locale>()

function localeOf(language: Language): Locale {
  const name = `${language} ${isUtc}`
  const locale = created.get(name) ?? createLocale(language, isUtc ? 'UTC' : undefined)
  created.set(name, locale)
  return locale
}

/** Of the time zone that is chosen now. */
export const LOCALES: Readonly<Record<Language, Locale>> = {
  get en() {
    return localeOf('en')
  },
  get zh() {
    return localeOf('zh')
  },
}

function createLocale(language: Language, timeZone: string | undefined): Locale {
  return { language, t: TEXTS[language], ...createFormats(LANGUAGE_TAGS[language], timeZone) }
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
