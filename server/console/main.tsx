import { render } from 'preact'
import { App } from './app.tsx'
import { Store } from './state/store.ts'
import { initialLanguage, saveLanguage, LOCALES } from './i18n/i18n.ts'
import type { Language } from './i18n/i18n.ts'
import { showTitle } from './shell/top-bar.tsx'
import { applySavedTheme } from './ui/theme.ts'
import { forgetToken, saveToken, takeToken } from './state/storage.ts'
import { viewInAddress } from './shell/side-bar.tsx'

const page = document.getElementById('page') ?? document.body
let token = takeToken()
let language = initialLanguage()
let store: Store | undefined
let drawing: number | undefined

/** Bursts are drawn once per frame. In a tab that nobody sees there are no frames: it tells its state in the title alone. */
function drawSoon(): void {
  if (document.hidden && store !== undefined) showTitle(LOCALES[language].t, store.watchedRooms.state)
  drawing ??= requestAnimationFrame(draw)
}

function draw(): void {
  drawing = undefined
  render(
    <App
      store={store}
      view={viewInAddress()}
      language={language}
      onLanguage={speak}
      onToken={logIn}
      onForget={logOut}
      onChange={drawSoon}
    />,
    page,
  )
}

function logIn(given: string): void {
  token = given
  saveToken(given)
  if (store === undefined) store = new Store(given, drawSoon)
  else store.setToken(given)
  drawSoon()
}

/** Leaves nothing behind of what the token let one see. */
function logOut(): void {
  forgetToken()
  location.reload()
}

function speak(chosen: Language): void {
  language = chosen
  saveLanguage(chosen)
  drawSoon()
}

// A link with another token, opened in this tab, changes the fragment only.
addEventListener('hashchange', () => {
  const taken = takeToken()
  if (taken !== undefined && taken !== token) logIn(taken)
  drawSoon()
})

applySavedTheme()
page.replaceChildren()
if (token !== undefined) logIn(token)
draw()
