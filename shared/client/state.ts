import type { Room } from '../room.ts'
import type { Refusal, State } from './api.ts'
import type { Connection } from './connection.ts'
import { Emitter } from './listeners.ts'

/** What the client knows of a room, or of one subscription to it, while it is connected. */
export interface RoomSummary {
  readonly room: Room
  readonly state: 'live' | 'catching-up' | 'loading' | 'refused'
  readonly refusal?: Refusal | undefined
}

/** Stand-in: replaced by the states of the connection. */
export class StateFeed {
  readonly #compute: () => State
  readonly #events = new Emitter<{ readonly state: State }>()
  #state: State

  constructor(compute: () => State) {
    this.#compute = compute
    this.#state = compute()
  }

  get current(): State {
    return this.#state.kind === 'closed' ? this.#state : this.#compute()
  }

  on(listener: (state: State) => unknown): () => void {
    return this.#events.on('state', listener)
  }

  update(next = this.current): void {
    if (next.kind === this.#state.kind) return
    this.#state = { ...next, previous: this.#state.kind }
    this.#events.emit('state', this.#state)
  }

  end(): void {
    this.update({ kind: 'closed', since: Date.now() })
  }
}

export class States {
  readonly client: StateFeed
  readonly #connection: Connection
  readonly #rooms: () => Iterable<RoomSummary>
  readonly #feeds = new Set<StateFeed>()

  constructor(connection: Connection, rooms: () => Iterable<RoomSummary>) {
    this.#connection = connection
    this.#rooms = rooms
    this.client = new StateFeed(() => {
      const all = [...this.#rooms()]
      const states = all.map(({ state }) => state).filter((state) => state !== 'refused')
      const kind = (['loading', 'catching-up'] as const).find((one) => states.includes(one)) ?? 'live'
      return this.#of(states.length === 0 && all.length > 0 ? 'refused' : kind)
    })
  }

  follow(summary: () => RoomSummary): StateFeed {
    const feed = new StateFeed(() =>
      summary().state === 'refused' ? { kind: 'refused', since: Date.now() } : this.#of(summary().state),
    )
    this.#feeds.add(feed)
    return feed
  }

  update(_room?: Room): void {
    for (const feed of this.#feeds) feed.update()
    this.client.update()
  }

  #of(kind: State['kind']): State {
    const { refusal, isConnected, hasFailed } = this.#connection
    const since = Date.now()
    if (refusal !== undefined) return { kind: 'refused', since, code: refusal.code, reason: refusal.message }
    if (!isConnected) return { kind: hasFailed ? 'offline' : 'connecting', since }
    return { kind, since }
  }
}
