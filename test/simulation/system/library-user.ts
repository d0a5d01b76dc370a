import { createRecallClient } from '../../../shared/client.ts'
import type { ClientError, Position, RecallClient } from '../../../shared/client.ts'
import { roomName } from '../../../shared/room.ts'
import { world } from '../world/world.ts'
import { OUTSIDE } from '../world/schedule.ts'
import { LibraryListener } from './library-listener.ts'
import { openStore } from './stores.ts'
import { User } from './user.ts'
import type { Page } from './user.ts'

/** The page is opened again this long after a listener has closed the client. */
const REOPEN_MS = 300
/** The app gives up on what failed so often. */
const SKIP_AFTER = 2

/** A person with the library of the project in a page. */
export class LibraryUser extends User {
  protected begin(life: number): Page {
    const { spec, history } = this
    const client = createRecallClient({
      url: 'http://nodes',
      positions: openStore(spec.store, this.storage, (key, text) => this.#onStored(life, key, text)),
      getToken: () => this.tokens.give(life),
    })
    client.on('state', ({ kind, code, reason }) => {
      const why = { ...(code !== undefined && { code }), ...(reason !== undefined && { reason }) }
      history.add({ kind: 'state', user: spec.name, life, state: kind, ...why })
    })
    const listeners = new Set<LibraryListener>()
    client.on('error', (error) => onError(error, listeners))
    const page = {
      user: spec.name,
      life,
      history,
      storage: this.storage,
      client,
      listeners,
      closeAndReopen: () => {
        this.closeNow()
        world.schedule.after(REOPEN_MS, OUTSIDE, () => this.open())
      },
    }
    for (const habit of spec.listeners) new LibraryListener(habit, page).begin()
    return { close: () => client.close(), again: () => reconnect(client, listeners) }
  }

  #onStored(life: number, key: string, text: string): void {
    const { name, listeners } = this.spec
    const rooms = listeners.flatMap(({ room, alsoFollows }) => [
      room,
      ...(alsoFollows ? [alsoFollows.room] : []),
    ])
    const room = rooms.find((one) => key.endsWith(`:${roomName(one)}`))
    const { epoch, offset } = JSON.parse(text) as Position
    if (room) this.history.add({ kind: 'stored', user: name, life, room, epoch, offset })
  }
}

/** What a button "try again" does, where something is refused. */
function reconnect(client: RecallClient, listeners: ReadonlySet<LibraryListener>): void {
  const { kind } = client.state
  if (kind === 'closed') return
  if (kind === 'refused' || [...listeners].some(({ isRefused }) => isRefused)) client.connect()
}

/** What cannot be handled is skipped, by the listener that cannot. */
function onError(
  { source, attempt, skip, notice, room }: ClientError,
  listeners: Set<LibraryListener>,
): void {
  if (source !== 'listener' || notice === undefined || room === undefined || attempt < SKIP_AFTER) return
  for (const listener of listeners)
    if (listener.cannotHandle(room, notice)) {
      listener.skipped(notice)
      skip?.()
    }
}
