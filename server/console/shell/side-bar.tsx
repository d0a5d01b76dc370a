import type { Desk } from '../state/store.ts'
import { Icon } from '../ui/icon.tsx'
import { useSpeech } from '../i18n/i18n.ts'
import type { Language } from '../i18n/i18n.ts'
import type { ViewName } from './view-name.ts'
import { Brand } from './brand.tsx'
import { Switches } from './switches.tsx'

interface SideBarProps {
  readonly desk: Desk
  readonly view: ViewName
  readonly onLanguage: (language: Language) => void
  readonly onForget: () => void
}

export function SideBar({ desk, view, onLanguage, onForget }: SideBarProps) {
  const { words } = useSpeech()
  return (
    <header class="side">
      <p class="brand-line">
        <Brand />
      </p>
      <nav aria-label={words.navigation}>
        <ul>
          {viewsOf(desk).map((name) => (
            <li key={name}>
              <a href={`#${name}`} aria-current={name === view ? 'page' : undefined}>
                <Icon name={name} />
                <span>{words.views[name]}</span>
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <div class="switches">
        <Switches onLanguage={onLanguage} />
        <a class="plain" href="/docs/">
          <Icon name="docs" />
          <span class="name">{words.docs}</span>
        </a>
        <button type="button" class="plain" onClick={onForget}>
          <Icon name="leave" />
          <span class="name">{words.forget}</span>
        </button>
      </div>
    </header>
  )
}

/** Members see what they may, and no way to what they may not. */
function viewsOf({ isAdmin, health }: Desk): readonly ViewName[] {
  if (!isAdmin) return ['rooms', 'history']
  return ['feed', 'rooms', 'history', 'health', ...(health?.status?.testRecalls ? (['test'] as const) : [])]
}
