import { expiryOf } from '../../../shared/client/credential.ts'
import { FEED } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { Api } from './api.ts'
import { Feed } from './feed.ts'
import { Health } from './health.ts'
import { keepRooms, loadRooms } from './storage.ts'
import { claimsAdmin } from './storage.ts'
import { WatchedRooms } from './watched-rooms.ts'

/** So long before the end of a token another one is asked for: time to get one, and to go on without a break. */
const END_IS_SOON_MS = 300_000
const MAX_TIMER_MS = 2 ** 31 - 1

/** What lies before one who is logged in: the feed, the watched rooms, and how the gateway is. */
export class Store {
  readonly api = new Api(() => this.#token)
  readonly feed = new Feed()
  readonly watching: WatchedRooms
  readonly #onChange: () => void
  #token: string
  #health: Health | undefined
  #end: ReturnType<typeof setTimeout> | undefined

  constructor(token: string, onChange: () => void) {
    this.#token = token
    this.#onChange = onChange
    this.watching = new WatchedRooms({
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
    this.#watchEnd()
  }

  /** Only good for choosing what to show, the gateway decides. */
  get isAdmin(): boolean {
    return claimsAdmin(this.#token)
  }

  /** When the token ends, by its own word, if that is soon. */
  get endsSoonAtMs(): number | undefined {
    const endsAtMs = expiryOf({ token: this.#token })
    return endsAtMs !== undefined && endsAtMs - Date.now() <= END_IS_SOON_MS ? endsAtMs : undefined
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
    this.#watchEnd()
  }

  watch(room: Room): void {
    this.watching.watch(room)
    keepRooms(this.watching.rooms.map((watched) => watched.room))
  }

  unwatch(room: Room): void {
    this.watching.unwatch(room)
    keepRooms(this.watching.rooms.map((watched) => watched.room))
  }

  /** Says so when the end of the token has come near. */
  #watchEnd(): void {
    clearTimeout(this.#end)
    const endsAtMs = expiryOf({ token: this.#token })
    if (endsAtMs === undefined) return
    const inMs = Math.max(0, endsAtMs - Date.now() - END_IS_SOON_MS)
    if (inMs <= MAX_TIMER_MS) this.#end = setTimeout(this.#onChange, inMs)
  }

  #show(): void {
    if (!this.isAdmin) return
    this.watching.watch(FEED)
    if (this.#health === undefined) this.#health = new Health(this.api, this.#onChange)
    else this.#health.again()
  }
}
