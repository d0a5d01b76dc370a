import { expiryOf } from '../../../shared/client/credential.ts'
import { FEED, roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { Access } from './access.ts'
import { Api } from './api.ts'
import { Feed } from './feed.ts'
import { Health } from './health.ts'
import { readIdentity } from './identity.ts'
import type { Identity } from './identity.ts'
import { KnownRooms } from './known-rooms.ts'
import { Quarantine } from './quarantine.ts'
import type { RingRule } from './ring-rules.ts'
import { Rings } from './rings.ts'
import type { Ring } from './rung.ts'
import { SavedFiles } from './saved-files.ts'
import { shownState } from './shown-state.ts'
import type { ShownState, State } from './shown-state.ts'
import { loadRooms, ringStores, saveRooms } from './storage.ts'
import { TestRecall } from './test-recall.ts'
import { WatchedRooms } from './watched-rooms.ts'

/** How long before its token expires the page asks for another: enough time to get one and continue without interruption. */
const EXPIRY_WARNING_MS = 300_000
/** The longest delay `setTimeout` takes. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** The state of the page after login: the feed, the watched rooms and the gateway's health. */
export class Store {
  readonly api = new Api(() => this.#token)
  readonly feed = new Feed()
  readonly testRecall: TestRecall
  readonly quarantine: Quarantine
  readonly access: Access
  readonly known: KnownRooms
  readonly watchedRooms: WatchedRooms
  readonly rings: Rings
  readonly files: SavedFiles
  /** Makes the noise of a ring. */
  onRing: (ring: Ring, rule: RingRule) => void = () => undefined
  readonly #onChange: () => void
  readonly #onOtherUser: () => void
  readonly #saved = new Set<string>()
  #token: string
  #identity: Identity
  #expiresAtMs: number | undefined
  #health: Health | undefined
  #expiryTimer: ReturnType<typeof setTimeout> | undefined
  #isAway = false
  /** Newer recalls than those of the list wait, because somebody aims at a row, or has opened one. */
  #holdsList = false

  /** `onOtherUser` is called once the gateway says that the token that was set last is of another user. */
  constructor(token: string, identity: Identity, onChange: () => void, onOtherUser: () => void) {
    this.#token = token
    this.#identity = identity
    this.#onOtherUser = onOtherUser
    this.#expiresAtMs = expiryOf({ token })
    this.#onChange = onChange
    this.testRecall = new TestRecall(this.api, onChange)
    this.quarantine = new Quarantine(this.api, onChange)
    this.access = new Access(this.api, onChange)
    this.files = new SavedFiles(this.api, onChange)
    this.known = new KnownRooms(this.api, onChange)
    this.rings = new Rings({
      stores: ringStores,
      now: () => this.api.clock.fromViewer(Date.now()),
      onRing: (ring, rule) => this.onRing(ring, rule),
      onChange,
    })
    this.watchedRooms = new WatchedRooms({
      token: () => this.#token,
      api: this.api,
      onChange: () => {
        this.#onState(this.watchedRooms.state.kind)
        this.#scheduleExpiryWarning()
        onChange()
      },
      onFeed: (rows) => {
        this.testRecall.onRows(rows)
        this.feed.add(rows)
        this.rings.onRows(rows)
        onChange()
      },
    })
    for (const room of loadRooms()) {
      this.#saved.add(roomName(room))
      this.watchedRooms.watch(room)
    }
    this.#startAdmin()
    this.#scheduleExpiryWarning()
  }

  /** Who the viewer is, by the gateway's latest answer. */
  get identity(): Identity {
    return this.#identity
  }

  get user(): string {
    return this.#identity.user
  }

  /** Decides only what to show; the gateway decides what is allowed. */
  get isAdmin(): boolean {
    return this.#identity.role === 'admin'
  }

  /** What the page says about itself in every view. */
  get shown(): ShownState {
    const { feed, watchedRooms, api } = this
    const { state } = watchedRooms
    return shownState({
      state,
      sinceMs: api.clock.fromViewer(state.since),
      waiting: feed.isPaused ? feed.queuedRecalls : undefined,
      rings: this.rings.unseen.length,
      isHeld: this.#holdsList,
      problems: this.#health?.problems ?? [],
    })
  }

  /** Tells that the list of the view holds newer recalls back, or does no more. */
  holdList(holds: boolean): void {
    if (holds === this.#holdsList) return
    this.#holdsList = holds
    this.#onChange()
  }

  /** When the token expires, if that is soon by the gateway's clock; undefined otherwise. */
  get expiresSoonAtMs(): number | undefined {
    const expiresAtMs = this.#expiresAtMs
    const nowMs = this.api.clock.now()
    if (expiresAtMs === undefined || nowMs === undefined) return undefined
    return expiresAtMs - nowMs <= EXPIRY_WARNING_MS ? expiresAtMs : undefined
  }

  /** Defined for admins only. */
  get health(): Health | undefined {
    return this.#health
  }

  /** Continues with another token; nothing on the page is lost, unless it is of another user. */
  setToken(token: string): void {
    this.#token = token
    this.#expiresAtMs = expiryOf({ token })
    clearTimeout(this.#expiryTimer)
    this.#expiryTimer = undefined
    this.watchedRooms.connect()
    this.#startAdmin()
    this.#scheduleExpiryWarning()
    void this.#identify()
  }

  /** Another node may have taken over, and answers from now on. */
  #onState(kind: State['kind']): void {
    const wasAway = this.#isAway
    this.#isAway = kind === 'offline'
    if (kind === 'live') this.#health?.resume()
    if (wasAway && !this.#isAway) void this.#identify()
  }

  /** Asks the gateway again. Without an answer, what it said last counts: the connection tells what is wrong. */
  async #identify(): Promise<void> {
    const token = this.#token
    const identity = await readIdentity(this.api, token).catch(() => undefined)
    if (identity === undefined || token !== this.#token) return
    if (isOtherUser(identity, this.#identity)) return this.#onOtherUser()
    this.#identity = identity
    this.#startAdmin()
    this.#onChange()
  }

  watch(room: Room): void {
    this.watchedRooms.watch(room)
    this.#saved.add(roomName(room))
    this.#saveRooms()
  }

  /** Whether the room stays watched, also after a reload. Others are while they are looked at. */
  isSaved(room: Room): boolean {
    return this.#saved.has(roomName(room))
  }

  unwatch(room: Room): void {
    this.watchedRooms.unwatch(room)
    this.#saved.delete(roomName(room))
    this.#saveRooms()
  }

  #saveRooms(): void {
    const rooms = this.watchedRooms.rooms.map(({ room }) => room)
    saveRooms(rooms.filter((room) => this.isSaved(room)))
  }

  /** Renders the page again when the token is about to expire, once the gateway's clock is known. */
  #scheduleExpiryWarning(): void {
    const nowMs = this.api.clock.now()
    if (this.#expiresAtMs === undefined || nowMs === undefined || this.#expiryTimer !== undefined) return
    const delayMs = Math.max(0, this.#expiresAtMs - nowMs - EXPIRY_WARNING_MS)
    if (delayMs <= MAX_TIMER_MS) this.#expiryTimer = setTimeout(this.#onChange, delayMs)
  }

  /** Follows the feed and polls health, if the token is an admin's. */
  #startAdmin(): void {
    if (!this.isAdmin) return
    this.watchedRooms.watch(FEED)
    if (this.#health === undefined) this.#health = new Health(this.api, this.#onChange)
    else this.#health.pollNow()
  }
}

/** Whether the gateway says so: a node of an earlier version does not know which claim names the user. */
const isOtherUser = (one: Identity, other: Identity): boolean =>
  one.app !== undefined && other.app !== undefined && one.user !== other.user
