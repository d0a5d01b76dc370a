import { render } from 'preact'
import { FEED } from '../../shared/room.ts'
import { App } from './app.tsx'
import { addRows, NO_ROWS } from './row-list.ts'
import type { Row } from './row.ts'
import { claimsAdmin, forgetToken, keepToken, takeToken } from './token.ts'
import { Watching } from './watching.ts'

const page = document.getElementById('page') ?? document.body
let token = takeToken()
let list = NO_ROWS
let drawing: number | undefined

let watching: Watching | undefined

function onChange(rows: readonly Row[]): void {
  if (rows.length > 0) list = addRows(list, rows)
  // Bursts are drawn once per frame, and not at all in a tab that nobody sees.
  drawing ??= requestAnimationFrame(draw)
}

function draw(): void {
  drawing = undefined
  render(
    <App
      state={watching?.state ?? { kind: 'no-token' }}
      rooms={watching?.rooms ?? []}
      list={list}
      onToken={start}
      onForget={forget}
      onWatch={(room) => watching?.watch(room)}
      onUnwatch={(room) => watching?.unwatch(room)}
    />,
    page,
  )
}

function start(given: string): void {
  token = given
  keepToken(given)
  if (watching === undefined) watching = new Watching({ token: () => token ?? '', onChange })
  else watching.connect()
  if (watching.rooms.length === 0 && claimsAdmin(given)) watching.watch(FEED)
  onChange([])
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
