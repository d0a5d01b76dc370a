import type { Store } from './state/store.ts'
import { FeedView } from './views/feed-view.tsx'
import { HealthView } from './views/health-view.tsx'
import { HistoryView } from './views/history-view.tsx'
import { LOCALES, LocaleProvider } from './i18n/i18n.ts'
import type { Language } from './i18n/i18n.ts'
import { RoomsView } from './views/rooms-view.tsx'
import { TokenPrompt } from './shell/log-in.tsx'
import { LogIn } from './shell/log-in.tsx'
import { SideBar } from './shell/side-bar.tsx'
import { updateTitle } from './shell/top-bar.tsx'
import { TopBar } from './shell/top-bar.tsx'
import { TestView } from './views/test-view.tsx'
import type { ViewName } from './shell/side-bar.tsx'

interface AppProps {
  readonly store: Store | undefined
  /** What the address names. */
  readonly view: ViewName | undefined
  readonly language: Language
  readonly onLanguage: (language: Language) => void
  readonly onToken: (token: string) => void
  readonly onLogOut: () => void
  /** Something that all of the page shows was changed here. */
  readonly onChange: () => void
}

export function App({ store, view, language, onLanguage, onToken, onLogOut: onForget, onChange }: AppProps) {
  const locale = LOCALES[language]
  const shown = view ?? (store?.isAdmin === false ? 'rooms' : 'feed')
  const state = store?.watchedRooms.state ?? { kind: 'no-token' }
  updateTitle(locale.t, state)
  document.documentElement.lang = language === 'zh' ? 'zh-Hans' : 'en'
  return (
    <LocaleProvider value={locale}>
      {store === undefined ? (
        <LogIn onToken={onToken} onLanguage={onLanguage} />
      ) : (
        <div class="shell">
          <a class="skip" href="#content" onClick={focusContent}>
            {locale.t.skip}
          </a>
          <SideBar store={store} view={shown} onLanguage={onLanguage} onLogOut={onForget} />
          <TopBar state={state} title={locale.t.views[shown]} />
          <main id="content" tabIndex={-1}>
            <TokenPrompt
              isRefused={state.kind === 'refused'}
              endsAtMs={store.expiresSoonAtMs}
              onToken={onToken}
            />
            <View store={store} name={shown} onChange={onChange} />
          </main>
        </div>
      )}
    </LocaleProvider>
  )
}

interface ViewProps {
  readonly store: Store
  readonly name: ViewName
  readonly onChange: () => void
}

function View({ store, name, onChange }: ViewProps) {
  switch (name) {
    case 'feed':
      return <FeedView store={store} onChange={onChange} />
    case 'rooms':
      return <RoomsView store={store} />
    case 'history':
      return <HistoryView store={store} />
    case 'health':
      return <HealthView health={store.health} />
    case 'test':
      return <TestView api={store.api} />
  }
}

/** The fragment is the view's name: a link to the content must not change it. */
function focusContent(event: Event): void {
  event.preventDefault()
  document.getElementById('content')?.focus()
}
