import type { Store } from '../state/store.ts'
import { Icon } from '../ui/icon.tsx'
import { useLocale } from '../i18n/i18n.ts'
import type { Language } from '../i18n/i18n.ts'
import { toggleTheme } from '../ui/theme.ts'

interface SideBarProps {
  readonly store: Store
  readonly view: ViewName
  readonly onLanguage: (language: Language) => void
  readonly onLogOut: () => void
}

export function SideBar({ store, view, onLanguage, onLogOut: onForget }: SideBarProps) {
  const { t } = useLocale()
  return (
    <header class="side-bar">
      <p class="brand-line">
        <Brand />
      </p>
      <nav aria-label={t.navigation}>
        <ul>
          {viewsOf(store).map((name) => (
            <li key={name}>
              <a href={`#${name}`} aria-current={name === view ? 'page' : undefined}>
                <Icon name={name} />
                <span>{t.views[name]}</span>
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <div class="switches">
        <Switches onLanguage={onLanguage} />
        <a class="plain" href="/docs/">
          <Icon name="docs" />
          <span class="name">{t.docs}</span>
        </a>
        <button type="button" class="plain" onClick={onForget}>
          <Icon name="logOut" />
          <span class="name">{t.forget}</span>
        </button>
      </div>
    </header>
  )
}

/** Members see what they may, and no way to what they may not. */
function viewsOf({ isAdmin, health }: Store): readonly ViewName[] {
  if (!isAdmin) return ['rooms', 'history']
  return ['feed', 'rooms', 'history', 'health', ...(health?.status?.testRecalls ? (['test'] as const) : [])]
}

export function Brand() {
  const { t } = useLocale()
  return (
    <span class="brand">
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <path class="bubble" d="M4 5h24v17H15l-7 6v-6H4z" />
        <path class="cross" d="m12 9.5 8 8m0-8-8 8" />
      </svg>
      {t.title}
    </span>
  )
}

/** How the page looks, and in which language it speaks. */
export function Switches({ onLanguage }: { readonly onLanguage: (language: Language) => void }) {
  const { language, t } = useLocale()
  const other = language === 'en' ? 'zh' : 'en'
  return (
    <>
      <button type="button" class="plain" lang={other} onClick={() => onLanguage(other)}>
        <span class="letter" aria-hidden="true">
          {other === 'zh' ? '文' : 'A'}
        </span>
        <span class="name">{t.otherLanguage}</span>
      </button>
      <button type="button" class="plain" onClick={toggleTheme}>
        <Icon name="theme" />
        <span class="name">{t.theme}</span>
      </button>
    </>
  )
}

const VIEW_NAMES = ['feed', 'rooms', 'history', 'health', 'test'] as const

export type ViewName = (typeof VIEW_NAMES)[number]

/** The view that the address names in its fragment. */
export function viewInAddress(): ViewName | undefined {
  const name = location.hash.slice(1)
  return VIEW_NAMES.find((one) => one === name)
}
