import { render } from 'preact'
import { App } from './app.tsx'
import { initialLanguage, LOCALES, saveLanguage } from './i18n/i18n.ts'
import type { Language } from './i18n/i18n.ts'
import { preparePrinting } from './shell/print.tsx'
import { keepRinging, startRinging } from './shell/ringing.tsx'
import { updateTitle } from './shell/state-text.ts'
import { address } from './state/address.ts'
import { Session } from './state/session.ts'
import type { Store } from './state/store.ts'
import { StoreProvider } from './ui/store-context.ts'
import { applySavedTheme } from './ui/theme.ts'

const page = document.getElementById('page') ?? document.body
let language = initialLanguage()
let frame: number | undefined
/** The store that rings: also in a tab that was never looked at, and so never rendered. */
let ringing: Store | undefined
const session = new Session(scheduleRender)

/** Renders a burst of changes once per frame. A tab that nobody sees has no frames, but a title. */
function scheduleRender(): void {
  updateTitle(LOCALES[language], session.shown)
  if (session.store !== undefined && session.store !== ringing) {
    ringing = session.store
    startRinging(ringing, () => language)
  }
  keepRinging(session.store)
  frame ??= requestAnimationFrame(renderPage)
}

function renderPage(): void {
  frame = undefined
  render(
    <StoreProvider value={session.store}>
      <App session={session} language={language} onLanguage={switchLanguage} onChange={scheduleRender} />
    </StoreProvider>,
    page,
  )
}

function switchLanguage(newLanguage: Language): void {
  language = newLanguage
  saveLanguage(newLanguage)
  scheduleRender()
}

// Opening a link with another token in this tab changes only the fragment.
addEventListener('hashchange', () => {
  address.read(session.onAddress())
})

// What is stored in this browser, such as searches, may be changed by another tab.
addEventListener('storage', scheduleRender)

applySavedTheme()
preparePrinting(() => ({ store: session.store, language }))
page.replaceChildren()
address.onChange = scheduleRender
address.read(session.start())
renderPage()
