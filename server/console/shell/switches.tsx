import { Icon } from '../ui/icon.tsx'
import { useSpeech } from '../i18n/i18n.ts'
import type { Language } from '../i18n/i18n.ts'
import { switchTheme } from '../ui/theme.ts'

/** How the page looks, and in which language it speaks. */
export function Switches({ onLanguage }: { readonly onLanguage: (language: Language) => void }) {
  const { language, words } = useSpeech()
  const other = language === 'en' ? 'zh' : 'en'
  return (
    <>
      <button type="button" class="plain" lang={other} onClick={() => onLanguage(other)}>
        <span class="letter" aria-hidden="true">
          {other === 'zh' ? '文' : 'A'}
        </span>
        <span class="name">{words.otherLanguage}</span>
      </button>
      <button type="button" class="plain" onClick={switchTheme}>
        <Icon name="theme" />
        <span class="name">{words.theme}</span>
      </button>
    </>
  )
}
