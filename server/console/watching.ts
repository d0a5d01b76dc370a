import { createRecallClient } from '../../shared/client.ts'
import type { RecallClient, State as ClientState, Subscription } from '../../shared/client.ts'
import { roomName } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import type { Row } from './row.ts'

/** `idle`: connected, and nothing is watched. The rest is what the client says. */
export type State = ClientState | { readonly kind: 'idle' }

/** A room that the page watches. */
export interface WatchedRoom {
  readonly room: Room
  readonly subscription: Subscription
  /** Why the gateway does not let the page in. */
  refusal: { readonly code: string; readonly message: string } | undefined
}

interface WatchingOptions {
  /** Asked anew for every connection. */
  readonly token: () => string
  /** Something happened: `state` or `rooms` may have changed, and these rows are to be shown, oldest first. */
  readonly onChange: (rows: readonly Row[]) => void
}

/** The rooms that the page watches at the gateway that served it. */
export class Watching {
  readonly #client: RecallClient
  readonly #onChange: WatchingOptions['onChange']
  readonly #rooms = new Map<string, WatchedRoom>()

  constructor({ token, onChange }: WatchingOptions) {
    this.#onChange = onChange
    this.#client = createRecallClient({ getToken: token })
    this.#client.on('state', () => onChange([]))
    this.#client.on('gap', ({ room, reason }) => onChange([{ kind: 'gap', room, reason }]))
    this.#client.on('recovered', ({ room, count }) => onChange([{ kind: 'recovered', room, count }]))
    this.#client.on('goodbye', (goodbye) => onChange([{ kind: 'goodbye', goodbye }]))
    this.#client.on('refused', ({ room, code, message, retry }) => {
      const watched = this.#rooms.get(roomName(room))
      if (watched !== undefined && !retry) watched.refusal = { code, message }
      onChange([])
    })
  }

  get rooms(): readonly WatchedRoom[] {
    return [...this.#rooms.values()]
  }

  get state(): State {
    const { state } = this.#client
    const isIdle = this.rooms.every(({ refusal }) => refusal !== undefined)
    return state.kind === 'live' && isIdle ? { kind: 'idle' } : state
  }

  /** Connects with the token as it is now, also when connected already; rooms go on from their positions. */
  connect(): void {
    for (const watched of this.#rooms.values()) watched.refusal = undefined
    this.#client.connect()
  }

  watch(room: Room): void {
    const name = roomName(room)
    const known = this.#rooms.get(name)
    if (known !== undefined && known.refusal === undefined) return
    known?.subscription.leave()
    const subscription = this.#client.subscribe(room, (notice) =>
      this.#onChange([{ kind: 'notice', room, notice }]),
    )
    this.#rooms.set(name, { room, subscription, refusal: undefined })
    this.#onChange([])
  }

  unwatch(room: Room): void {
    const name = roomName(room)
    this.#rooms.get(name)?.subscription.leave()
    this.#rooms.delete(name)
    this.#onChange([])
  }
}
