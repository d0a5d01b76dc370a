import { LocaleProvider, LOCALES } from './i18n/i18n.ts'
import type { Language } from './i18n/i18n.ts'
import { AddressProblems } from './shell/address-problems.tsx'
import { LogIn, SessionPrompt } from './shell/log-in.tsx'
import { RingBanner, ringer } from './shell/ringing.tsx'
import { Saving } from './shell/saving.tsx'
import { SideBar } from './shell/side-bar.tsx'
import { updateTitle } from './shell/state-text.ts'
import { TopBar } from './shell/top-bar.tsx'
import { address } from './state/address.ts'
import type { ViewName } from './state/place.ts'
import type { Session } from './state/session.ts'
import type { Store } from './state/store.ts'
import { AccessView } from './views/access-view.tsx'
import { FeedView } from './views/feed-view.tsx'
import { HealthView } from './views/health-view.tsx'
import { HistoryView } from './views/history-view.tsx'
import { QuarantineView } from './views/quarantine-view.tsx'
import { RingsView } from './views/rings-view.tsx'
import { RoomsView } from './views/rooms-view.tsx'
import { TestView } from './views/test-view.tsx'

interface AppProps {
  readonly session: Session
  readonly language: Language
  readonly onLanguage: (language: Language) => void
  /** Called after a change that affects the rest of the page. */
  readonly onChange: () => void
}

export function App({ session, language, onLanguage, onChange }: AppProps) {
  const locale = LOCALES[language]
  const { view } = address
  const { store, shown } = session
  updateTitle(locale, shown)
  document.documentElement.lang = language === 'zh' ? 'zh-Hans' : 'en'
  return (
    <LocaleProvider value={locale}>
      {store === undefined ? (
        <LogIn session={session} onLanguage={onLanguage} />
      ) : (
        <div class="shell">
          <a class="skip" href="#content" onClick={focusContent}>
            {locale.t.skipToContent}
          </a>
          <SideBar store={store} view={view} onLanguage={onLanguage} onLogOut={() => session.logOut()}>
            <SessionPrompt session={session} store={store} />
            <RingBanner store={store} />
          </SideBar>
          <TopBar shown={shown} title={locale.t.views[view]} onTryNow={() => store.watchedRooms.connect()} />
          <main id="content" tabIndex={-1}>
            <AddressProblems problems={address.problems} />
            <View store={store} name={view} onChange={onChange} />
          </main>
          <Saving files={store.files} />
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
    case 'quarantine':
      return <QuarantineView store={store} />
    case 'rings':
      return <RingsView store={store} ringer={ringer} />
    case 'access':
      return <AccessView store={store} />
    case 'test':
      return <TestView store={store} />
  }
}

/** Moves the focus without changing the fragment, which names the view. */
function focusContent(event: Event): void {
  event.preventDefault()
  document.getElementById('content')?.focus()
}
