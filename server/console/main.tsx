import { render } from 'preact'
import { App } from './app.tsx'
import { Store } from './state/store.ts'
import { initialLanguage, saveLanguage, LOCALES } from './i18n/i18n.ts'
import type { Language } from './i18n/i18n.ts'
import { updateTitle } from './shell/top-bar.tsx'
import { applySavedTheme } from './ui/theme.ts'
import { forgetToken, saveToken, takeToken } from './state/storage.ts'
import { viewInAddress } from './shell/side-bar.tsx'

const page = document.getElementById('page') ?? document.body
let token = takeToken()
let language = initialLanguage()
let store: Store | undefined
let frame: number | undefined

/** Bursts are drawn once per frame. In a tab that nobody sees there are no frames: it tells its state in the title alone. */
function scheduleRender(): void {
  if (document.hidden && store !== undefined) updateTitle(LOCALES[language].t, store.watchedRooms.state)
  frame ??= requestAnimationFrame(renderPage)
}

function renderPage(): void {
  frame = undefined
  render(
    <App
      store={store}
      view={viewInAddress()}
      language={language}
      onLanguage={switchLanguage}
      onToken={logIn}
      onLogOut={logOut}
      onChange={scheduleRender}
    />,
    page,
  )
}

function logIn(given: string): void {
  token = given
  saveToken(given)
  if (store === undefined) store = new Store(given, scheduleRender)
  else store.setToken(given)
  scheduleRender()
}

/** Leaves nothing behind of what the token let one see. */
function logOut(): void {
  forgetToken()
  location.reload()
}

function switchLanguage(chosen: Language): void {
  language = chosen
  saveLanguage(chosen)
  scheduleRender()
}

// A link with another token, opened in this tab, changes the fragment only.
addEventListener('hashchange', () => {
  const taken = takeToken()
  if (taken !== undefined && taken !== token) logIn(taken)
  scheduleRender()
})

applySavedTheme()
page.replaceChildren()
if (token !== undefined) logIn(token)
renderPage()
