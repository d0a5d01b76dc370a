import type { ComponentChildren } from 'preact'
import { showsUtc, toggleUtc, useLocale } from '../i18n/i18n.ts'
import type { Language } from '../i18n/i18n.ts'
import { address } from '../state/address.ts'
import type { ViewName } from '../state/place.ts'
import type { Store } from '../state/store.ts'
import { Icon } from '../ui/icon.tsx'
import { toggleTheme } from '../ui/theme.ts'
import { WhoAmI } from './who-am-i.tsx'

interface SideBarProps {
  readonly store: Store
  readonly view: ViewName
  readonly onLanguage: (language: Language) => void
  readonly onLogOut: () => void
  /** What comes up by itself: it stands where it moves and covers nothing that is read or clicked. */
  readonly children: ComponentChildren
}

export function SideBar({ store, view, onLanguage, onLogOut, children }: SideBarProps) {
  const { t } = useLocale()
  return (
    <header class="side-bar">
      <p class="brand-line">
        <Brand />
        <EnvironmentBadge name={store.identity.environment} />
      </p>
      <nav aria-label={t.navigation}>
        <ul>
          {viewsOf(store).map((name) => (
            <li key={name}>
              <a
                href={address.hrefOf(name)}
                data-view={name}
                aria-current={name === view ? 'page' : undefined}
              >
                <Icon name={name} />
                <span>{t.views[name]}</span>
                {name === 'quarantine' && <QuarantineBadge store={store} />}
                {name === 'rings' && <RingsBadge store={store} />}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <div class="notices">{children}</div>
      <div class="switches">
        <WhoAmI store={store} />
        <Switches onLanguage={onLanguage} />
        <ZoneSwitch onLanguage={onLanguage} />
        <a class="plain" href="docs/" target="_blank" rel="noopener">
          <Icon name="docs" />
          <span class="name">{t.docs}</span>
        </a>
        <button type="button" class="plain" onClick={onLogOut}>
          <Icon name="logOut" />
          <span class="name">{t.logOut}</span>
        </button>
      </div>
    </header>
  )
}

/** How many entries wait there for somebody to look at them. */
function QuarantineBadge({ store }: { readonly store: Store }) {
  const { t, number } = useLocale()
  const count = store.health?.quarantined ?? 0
  if (count === 0) return null
  return (
    <span class="badge" title={t.quarantine.count(count)}>
      {number(count)}
    </span>
  )
}

function RingsBadge({ store: { rings } }: { readonly store: Store }) {
  const { t, number } = useLocale()
  const { length: count } = rings.unseen
  if (count === 0) return null
  return (
    <span class="badge" title={t.rings.unseen(count)}>
      {number(count)}
    </span>
  )
}

/** Members see only the views they may use. */
function viewsOf({ isAdmin, health }: Store): readonly ViewName[] {
  if (!isAdmin) return ['rooms', 'history']
  return [
    'feed',
    'rooms',
    'history',
    'health',
    'quarantine',
    'rings',
    'access',
    ...(health?.status?.testRecalls ? (['test'] as const) : []),
  ]
}

export function Brand() {
  const { t } = useLocale()
  return (
    <span class="brand">
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <path class="bubble" d="M4 5h24v17H15l-7 6v-6H4z" />
        <path class="cross" d="m12 9.5 8 8m0-8-8 8" />
      </svg>
      <span class="brand-name">{t.title}</span>
    </span>
  )
}

/** What operators call the deployment: nobody should take staging for production. */
export function EnvironmentBadge({ name }: { readonly name: string | undefined }) {
  const { t } = useLocale()
  if (name === undefined) return null
  return (
    <span class="environment" title={t.access.environment}>
      <bdi>{name}</bdi>
    </span>
  )
}

/** Buttons that switch language and theme. */
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
        <span class="name">{t.toggleTheme}</span>
      </button>
    </>
  )
}

/** Says in which time zone the page shows times, and switches to UTC and back. */
function ZoneSwitch({ onLanguage }: { readonly onLanguage: (language: Language) => void }) {
  const { language, t, zone } = useLocale()
  const onClick = (): void => {
    toggleUtc()
    // Texts contain times: the page is rendered as after a change of language.
    onLanguage(language)
  }
  return (
    <button
      type="button"
      class="plain zone"
      aria-pressed={showsUtc()}
      title={showsUtc() ? t.act.zone.toLocal : t.act.zone.toUtc}
      onClick={onClick}
    >
      <Icon name="clock" />
      <span class="name">
        <span class="words">{t.act.zone.shown(zone())}</span>
        <span class="short" aria-hidden="true">
          {zone()}
        </span>
      </span>
    </button>
  )
}
