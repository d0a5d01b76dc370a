import type { Room } from '../room.ts'
import { roomName } from '../room.ts'
import type { Refusal, State } from './api.ts'
import type { Connection } from './connection.ts'
import type { Doubt } from './delivery.ts'
import { Emitter } from './listeners.ts'
import { furtherFromLive } from './room-summary.ts'
import type { RoomSummary } from './room-summary.ts'

/** What is true now. Without `since`, it is since the kind changed. */
type Now = Omit<State, 'since' | 'previous'> & { readonly since?: number }

/** A state, and who listens to it. */
export class StateFeed {
  readonly #compute: () => Now
  readonly #onEnd: () => void
  readonly #events = new Emitter<{ readonly state: State }>()
  #state: State

  constructor(compute: () => Now, onEnd = (): void => undefined) {
    this.#compute = compute
    this.#onEnd = onEnd
    this.#state = { since: Date.now(), ...compute() }
  }

  /** True now, even if it is still to be announced. */
  get current(): State {
    return this.#next(this.#compute())
  }

  /** Calls `listener` at each change. Returns a function that removes it. */
  on(listener: (state: State) => void): () => void {
    return this.#events.on('state', (state) => {
      // A listener before this one may have changed the state, and this one knows the new state already.
      if (state === this.#state) listener(state)
    })
  }

  /** Announces what has changed. */
  update(): void {
    this.#set(this.#compute())
  }

  /** Becomes `closed`, for good. */
  end(): void {
    this.#set({ kind: 'closed' })
    this.#onEnd()
  }

  #set(now: Now): void {
    const next = this.#next(now)
    if (next === this.#state) return
    this.#state = next
    this.#events.emit('state', next)
  }

  #next(now: Now): State {
    const last = this.#state
    if (last.kind === 'closed' || isSame(now, last)) return last
    const hasKind = now.kind === last.kind
    const previous = hasKind ? last.previous : last.kind
    const since = hasKind ? last.since : Date.now()
    return { since, ...now, ...(previous && { previous }) }
  }
}

const isSame = (now: Now, last: State): boolean =>
  now.kind === last.kind &&
  now.code === last.code &&
  now.reason === last.reason &&
  now.retryAtMs === last.retryAtMs &&
  (now.since ?? last.since) === last.since

/** The state of the client and of each subscription, from the connection, what the node says of delivery, and the rooms. */
export class States {
  readonly client: StateFeed
  readonly #connection: Connection
  readonly #rooms: () => Iterable<RoomSummary>
  readonly #byRoom = new Map<string, Set<StateFeed>>()

  constructor(connection: Connection, rooms: () => Iterable<RoomSummary>) {
    this.#connection = connection
    this.#rooms = rooms
    this.client = new StateFeed(() => this.#ofClient())
  }

  /** The state of one subscription, until its `end` is called. */
  follow(summary: () => RoomSummary): StateFeed {
    const name = roomName(summary().room)
    const feeds = this.#byRoom.get(name) ?? new Set()
    const feed = new StateFeed(
      () => this.#ofRoom(summary()),
      () => {
        if (feeds.delete(feed) && feeds.size === 0 && this.#byRoom.get(name) === feeds)
          this.#byRoom.delete(name)
      },
    )
    this.#byRoom.set(name, feeds.add(feed))
    return feed
  }

  /** Announces what has changed: in one room and for the client, or everywhere. */
  update(room?: Room): void {
    const changed = room === undefined ? [...this.#byRoom.values()] : [this.#byRoom.get(roomName(room)) ?? []]
    for (const feeds of changed) for (const feed of feeds) feed.update()
    this.client.update()
  }

  #ofClient(): Now {
    const ofConnection = this.#ofConnection()
    if (ofConnection !== undefined) return ofConnection
    const { delivery } = this.#connection
    let doubt = delivery.node
    let refused: RoomSummary | undefined
    let worst: RoomSummary | undefined
    for (const summary of this.#rooms()) {
      if (summary.state === 'refused') {
        refused ??= summary
        continue
      }
      worst = furtherFromLive(worst, summary)
      const ofRoom = delivery.of(summary.room)
      if (doubt === undefined || (ofRoom !== undefined && ofRoom.sinceMs < doubt.sinceMs)) doubt = ofRoom
    }
    if (refused !== undefined && worst === undefined) return ofRefusal(refused.refusal)
    if (doubt !== undefined) return stale(doubt)
    return worst === undefined ? { kind: 'live' } : explained(worst)
  }

  #ofRoom(summary: RoomSummary): Now {
    const { isClosed, delivery } = this.#connection
    if (summary.state === 'refused' && !isClosed) return ofRefusal(summary.refusal)
    const doubt = delivery.of(summary.room)
    return this.#ofConnection() ?? (doubt ? stale(doubt) : explained(summary))
  }

  /** Undefined while connected. */
  #ofConnection(): Now | undefined {
    const { isClosed, isConnected, refusal, failure, retryAtMs } = this.#connection
    if (isClosed) return { kind: 'closed' }
    if (refusal !== undefined) return ofRefusal(refusal)
    if (isConnected) return undefined
    if (failure === undefined) return { kind: 'connecting' }
    return { kind: 'offline', ...failure, ...(retryAtMs !== undefined && { retryAtMs }) }
  }
}

/** Why a room is not live, unless more is known. */
const REASONS = {
  loading: '`load` has not returned yet',
  'catching-up': 'missed notices may still be on their way',
}

function explained({ state, refusal, reason }: RoomSummary): Now {
  if (state === 'live') return { kind: state }
  if (state === 'refused' || refusal !== undefined) return { ...ofRefusal(refusal), kind: state }
  return { kind: state, reason: reason ?? REASONS[state] }
}

const ofRefusal = (refusal: Refusal | undefined): Now => ({
  kind: 'refused',
  ...(refusal && { code: refusal.code, reason: refusal.message }),
})

const stale = ({ sinceMs, reason }: Doubt): Now => ({ kind: 'stale', since: sinceMs, reason })
