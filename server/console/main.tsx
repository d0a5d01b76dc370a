import { render } from 'preact'
import { App } from './app.tsx'
import { initialLanguage, LOCALES, saveLanguage } from './i18n/i18n.ts'
import type { Language } from './i18n/i18n.ts'
import { preparePrinting } from './shell/print.tsx'
import { updateTitle } from './shell/state-text.ts'
import { address } from './state/address.ts'
import { forgetToken, saveToken, takeToken } from './state/storage.ts'
import { Store } from './state/store.ts'
import { StoreProvider } from './ui/store-context.ts'
import { applySavedTheme } from './ui/theme.ts'

const page = document.getElementById('page') ?? document.body
const opened = takeToken()
let { token } = opened
let language = initialLanguage()
let store: Store | undefined
let frame: number | undefined

/** Renders a burst of changes once per frame. A tab that nobody sees has no frames, but a title. */
function scheduleRender(): void {
  if (store !== undefined) updateTitle(LOCALES[language], store.shown)
  frame ??= requestAnimationFrame(renderPage)
}

function renderPage(): void {
  frame = undefined
  render(
    <StoreProvider value={store}>
      <App
        store={store}
        language={language}
        onLanguage={switchLanguage}
        onToken={logIn}
        onLogOut={logOut}
        onChange={scheduleRender}
      />
    </StoreProvider>,
    page,
  )
}

function logIn(newToken: string): void {
  token = newToken
  saveToken(newToken)
  if (store === undefined) store = new Store(newToken, scheduleRender)
  else store.setToken(newToken)
  address.defaultView = store.isAdmin ? 'feed' : 'rooms'
  scheduleRender()
}

/** Reloads the page, so that nothing the token gave access to stays in memory, nor in the address. */
function logOut(): void {
  forgetToken()
  history.replaceState(null, '', location.pathname + location.search)
  location.reload()
}

function switchLanguage(newLanguage: Language): void {
  language = newLanguage
  saveLanguage(newLanguage)
  scheduleRender()
}

// Opening a link with another token in this tab changes only the fragment.
addEventListener('hashchange', () => {
  const { token: newToken, isFromAddress } = takeToken()
  if (newToken !== undefined && newToken !== token) logIn(newToken)
  address.read(isFromAddress)
})

applySavedTheme()
preparePrinting(() => ({ store, language }))
page.replaceChildren()
address.onChange = scheduleRender
if (token !== undefined) logIn(token)
address.read(opened.isFromAddress)
renderPage()
