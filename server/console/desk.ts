import { FEED } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import { Api } from './api.ts'
import { Feed } from './feed/feed.ts'
import { Health } from './health/health.ts'
import { keepRooms, loadRooms } from './rooms/kept-rooms.ts'
import { claimsAdmin } from './token.ts'
import { Watching } from './watching.ts'

/** What lies before one who is logged in: the feed, the watched rooms, and how the gateway is. */
export class Desk {
  readonly api = new Api(() => this.#token)
  readonly feed = new Feed()
  readonly watching: Watching
  readonly #onChange: () => void
  #token: string
  #health: Health | undefined

  constructor(token: string, onChange: () => void) {
    this.#token = token
    this.#onChange = onChange
    this.watching = new Watching({
      token: () => this.#token,
      api: this.api,
      onChange: () => {
        if (this.watching.state.kind === 'live') this.#health?.goOn()
        onChange()
      },
      onFeed: (rows) => {
        this.feed.add(rows)
        onChange()
      },
    })
    for (const room of loadRooms()) this.watching.watch(room)
    this.#show()
  }

  /** Only good for choosing what to show, the gateway decides. */
  get isAdmin(): boolean {
    return claimsAdmin(this.#token)
  }

  /** There for admins. */
  get health(): Health | undefined {
    return this.#health
  }

  /** Goes on with another token. */
  use(token: string): void {
    this.#token = token
    this.watching.connect()
    this.#show()
  }

  watch(room: Room): void {
    this.watching.watch(room)
    keepRooms(this.watching.rooms.map((watched) => watched.room))
  }

  unwatch(room: Room): void {
    this.watching.unwatch(room)
    keepRooms(this.watching.rooms.map((watched) => watched.room))
  }

  #show(): void {
    if (!this.isAdmin) return
    this.watching.watch(FEED)
    if (this.#health === undefined) this.#health = new Health(this.api, this.#onChange)
    else this.#health.again()
  }
}
