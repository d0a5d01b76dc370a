import { render } from 'preact'
import { FEED } from '../../shared/room.ts'
import { App } from './app.tsx'
import { Connection } from './connection.ts'
import { addRows, NO_ROWS } from './row-list.ts'
import { claimsAdmin, forgetToken, keepToken, takeToken } from './token.ts'

const page = document.getElementById('page') ?? document.body
let token = takeToken()
let list = NO_ROWS
let drawing: number | undefined

const connection = new Connection({
  token: () => token,
  onChange(rows) {
    if (rows.length > 0) list = addRows(list, rows)
    // Bursts are drawn once per frame, and not at all in a tab that nobody sees.
    drawing ??= requestAnimationFrame(draw)
  },
})

function draw(): void {
  drawing = undefined
  render(
    <App
      state={token === undefined ? { kind: 'no-token' } : connection.state}
      rooms={connection.rooms}
      list={list}
      onToken={start}
      onForget={forget}
      onWatch={(room) => connection.watch(room)}
      onUnwatch={(room) => connection.unwatch(room)}
    />,
    page,
  )
}

function start(given: string): void {
  token = given
  keepToken(given)
  if (connection.rooms.length === 0 && claimsAdmin(given)) connection.watch(FEED)
  connection.connect()
}

/** Leaves nothing behind of what the token let one see. */
function forget(): void {
  forgetToken()
  location.reload()
}

// A link with another token, opened in this tab, changes the fragment only.
addEventListener('hashchange', () => {
  const taken = takeToken()
  if (taken !== undefined && taken !== token) start(taken)
})

page.replaceChildren()
draw()
if (token !== undefined) start(token)
