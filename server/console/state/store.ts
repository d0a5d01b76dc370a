import { expiryOf } from '../../../shared/client/credential.ts'
import { FEED } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { Api } from './api.ts'
import { Feed } from './feed.ts'
import { Health } from './health.ts'
import { saveRooms, loadRooms } from './storage.ts'
import { claimsAdmin } from './storage.ts'
import { WatchedRooms } from './watched-rooms.ts'

/** So long before the end of a token another one is asked for: time to get one, and to go on without a break. */
const EXPIRY_WARNING_MS = 300_000
const MAX_TIMER_MS = 2 ** 31 - 1

/** What lies before one who is logged in: the feed, the watched rooms, and how the gateway is. */
export class Store {
  readonly api = new Api(() => this.#token)
  readonly feed = new Feed()
  readonly watchedRooms: WatchedRooms
  readonly #onChange: () => void
  #token: string
  #health: Health | undefined
  #expiryTimer: ReturnType<typeof setTimeout> | undefined

  constructor(token: string, onChange: () => void) {
    this.#token = token
    this.#onChange = onChange
    this.watchedRooms = new WatchedRooms({
      token: () => this.#token,
      api: this.api,
      onChange: () => {
        if (this.watchedRooms.state.kind === 'live') this.#health?.resume()
        onChange()
      },
      onFeed: (rows) => {
        this.feed.add(rows)
        onChange()
      },
    })
    for (const room of loadRooms()) this.watchedRooms.watch(room)
    this.#startAdmin()
    this.#scheduleExpiryWarning()
  }

  /** Only good for choosing what to show, the gateway decides. */
  get isAdmin(): boolean {
    return claimsAdmin(this.#token)
  }

  /** When the token ends, by its own word, if that is soon. */
  get expiresSoonAtMs(): number | undefined {
    const endsAtMs = expiryOf({ token: this.#token })
    return endsAtMs !== undefined && endsAtMs - Date.now() <= EXPIRY_WARNING_MS ? endsAtMs : undefined
  }

  /** There for admins. */
  get health(): Health | undefined {
    return this.#health
  }

  /** Goes on with another token. */
  setToken(token: string): void {
    this.#token = token
    this.watchedRooms.connect()
    this.#startAdmin()
    this.#scheduleExpiryWarning()
  }

  watch(room: Room): void {
    this.watchedRooms.watch(room)
    saveRooms(this.watchedRooms.rooms.map((watched) => watched.room))
  }

  unwatch(room: Room): void {
    this.watchedRooms.unwatch(room)
    saveRooms(this.watchedRooms.rooms.map((watched) => watched.room))
  }

  /** Says so when the end of the token has come near. */
  #scheduleExpiryWarning(): void {
    clearTimeout(this.#expiryTimer)
    const endsAtMs = expiryOf({ token: this.#token })
    if (endsAtMs === undefined) return
    const inMs = Math.max(0, endsAtMs - Date.now() - EXPIRY_WARNING_MS)
    if (inMs <= MAX_TIMER_MS) this.#expiryTimer = setTimeout(this.#onChange, inMs)
  }

  #startAdmin(): void {
    if (!this.isAdmin) return
    this.watchedRooms.watch(FEED)
    if (this.#health === undefined) this.#health = new Health(this.api, this.#onChange)
    else this.#health.pollNow()
  }
}
