import { io } from 'socket.io-client'
import type { Socket } from 'socket.io-client'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { PlainListener } from './plain-listener.ts'
import { User } from './user.ts'
import type { Page } from './user.ts'
import { wait } from './wait.ts'

/** Of the life of a credential, what is left when the next one is fetched. */
const REFRESH_SHARE = 0.5
const MAX_REFRESH_MS = 2 ** 31 - 1
/** After a refusal that may pass. */
const RETRY_MS = 1_000

interface Delivery {
  readonly proved: boolean
  readonly reason?: string
  readonly rooms?: readonly Room[]
}

/** A person with a page that speaks the protocol by itself, with `socket.io-client` alone, as PROTOCOL.md describes it. */
export class PlainUser extends User {
  protected begin(life: number): Page {
    const { spec, history, storage } = this
    if (spec.store === 'memory') storage.clear()
    const page = new PlainPage({
      rooms: spec.listeners.map(
        (habit) => new PlainListener(habit, { user: spec.name, life, history, storage, by: 'plain' }),
      ),
      getToken: () => this.tokens.give(life),
      onState: (state, code) =>
        history.add({ kind: 'state', user: spec.name, life, state, ...(code && { code }) }),
      onEnded: (hasGoodbye) => history.add({ kind: 'ended', user: spec.name, life, hasGoodbye }),
    })
    return page
  }
}

interface PlainOptions {
  readonly rooms: readonly PlainListener[]
  readonly getToken: () => Promise<string>
  readonly onState: (state: 'connecting' | 'offline' | 'refused', code?: string) => void
  /** The connection has ended, and not by the page. */
  readonly onEnded: (hasGoodbye: boolean) => void
}

class PlainPage implements Page {
  readonly #options: PlainOptions
  readonly #rooms: ReadonlyMap<string, PlainListener>
  readonly #socket: Socket
  /** Counts connections: what belongs to an earlier one says nothing of this one. */
  #generation = 0
  #attempts = 0
  readonly #leaving = new Set<PlainListener>()
  /** The latest request of each room: the answer to one before it asks for nothing more. */
  readonly #requests = new Map<PlainListener, symbol>()
  #isRefused = false
  #hasGoodbye = false
  /** Or has been, until it heard of the end. */
  #isConnected = false
  #isClosed = false

  constructor(options: PlainOptions) {
    this.#options = options
    this.#rooms = new Map(options.rooms.map((listener) => [roomName(listener.room), listener]))
    for (const room of options.rooms) room.onLeave = () => this.#leave(room)
    this.#socket = io('http://nodes', {
      transports: ['websocket'],
      forceNew: true,
      reconnectionDelayMax: 2_000,
      auth: (use) => this.#giveToken(use),
    })
    this.#listen()
  }

  close(): void {
    this.#isClosed = true
    this.#socket.disconnect()
  }

  again(): void {
    this.#isRefused = false
    // One that is on its way already must not be begun twice.
    if (!this.#socket.connected) return void (this.#socket.active || this.#socket.connect())
    for (const room of this.#rooms.values()) if (room.isRefused) this.#subscribe(room)
  }

  /** As CLIENTS.md says: only for the latest attempt, or Socket.IO presents itself once more on the connection that it has by then. */
  #giveToken(use: (auth: { readonly token: string }) => void): void {
    const attempt = ++this.#attempts
    void this.#fetchToken().then((token) => attempt === this.#attempts && use({ token }))
  }

  /** Until the token endpoint gives one. */
  async #fetchToken(): Promise<string> {
    for (;;) {
      const token = await this.#options.getToken().catch(() => '')
      if (token.startsWith('ey')) return token
      await wait(500)
    }
  }

  #listen(): void {
    const socket = this.#socket
    const { onState, onEnded } = this.#options
    socket.on('connect', () => {
      this.#hasGoodbye = false
      this.#isConnected = true
      // Socket.IO has connected by itself after a word that came late: it is let in.
      this.#isRefused = false
      this.#generation++
      for (const room of this.#rooms.values()) if (!room.hasLeft) this.#subscribe(room)
    })
    socket.on('disconnect', (reason) => {
      // Socket.IO says so of attempts, too: nobody owes them a word.
      if (this.#isConnected && reason !== 'io client disconnect') onEnded(this.#hasGoodbye)
      this.#isConnected = false
      // As CLIENTS.md says: it would go out first on the next connection.
      socket.sendBuffer = []
      this.#leaving.clear()
      this.#generation++
      onState('offline')
      for (const room of this.#rooms.values()) room.paused(this.#isRefused ? 'refused' : 'offline')
      // Socket.IO reconnects by itself unless the node has ended the socket in order.
      if (!socket.active && !this.#isRefused && !this.#isClosed) socket.connect()
    })
    socket.on('connect_error', (error: Error & { data?: { code?: string; retry?: boolean } }) => {
      if (socket.active) return
      onState('offline', error.data?.code)
      // The next attempt brings another token; whoever is taken out stays away until a person has acted.
      if (error.data?.code === 'USER_DISCONNECTED') return this.#refuse(error.data.code)
      void wait(RETRY_MS).then(() => !this.#isRefused && !socket.active && socket.connect())
    })
    socket.on('hello', ({ expiresInMs }: { expiresInMs: number }) => this.#refreshIn(expiresInMs))
    socket.on('goodbye', ({ code }: { code: number }) => {
      this.#hasGoodbye = true
      if (code >= 4500) this.#refuse(String(code))
    })
    socket.on('delivery', ({ proved, reason, rooms }: Delivery) => {
      for (const [name, room] of this.#rooms)
        if (rooms === undefined) room.proved(proved, 'node', reason)
        else if (rooms.some((one) => roomName(one) === name)) room.proved(proved, 'room', reason)
    })
    socket.on('messages-recalled', ({ room, epoch, notices }) => this.#of(room)?.notices(epoch, notices))
    socket.on('gap', ({ room, reason, position }) => this.#of(room)?.gap(reason, position))
    socket.on('unsubscribed', ({ room, code, retry }) => {
      const listener = this.#of(room)
      listener?.refused(code, retry)
      if (retry && listener) this.#retry(listener)
    })
  }

  #of(room: Room): PlainListener | undefined {
    return this.#rooms.get(roomName(room))
  }

  #refuse(code: string): void {
    this.#isRefused = true
    this.#options.onState('refused', code)
    for (const room of this.#rooms.values()) room.paused('refused')
  }

  #subscribe(listener: PlainListener): void {
    const generation = this.#generation
    this.#requests.set(listener, Symbol('request'))
    const { position } = listener
    listener.paused('catching-up')
    this.#socket.emit(
      'subscribe',
      { ...listener.room, ...(position && { since: position }) },
      (answer: never) => {
        if (generation !== this.#generation) return
        if (listener.answered(answer)) this.#retry(listener)
      },
    )
  }

  /** Leaves the room, and comes back after a while; once, whatever it is told until the node has heard of it. */
  #leave(listener: PlainListener): void {
    const generation = this.#generation
    if (this.#leaving.has(listener)) return
    this.#leaving.add(listener)
    this.#socket.emit('unsubscribe', listener.room, () => {
      if (generation !== this.#generation) return
      this.#leaving.delete(listener)
      listener.left()
      void wait(listener.returnsAfterMs).then(() => {
        if (this.#isClosed) return
        listener.begin()
        if (this.#socket.connected) this.#subscribe(listener)
      })
    })
  }

  /** Unless the room has been asked for meanwhile: two requests from one place would be told the same twice. */
  #retry(listener: PlainListener): void {
    const generation = this.#generation
    const request = this.#requests.get(listener)
    void wait(RETRY_MS).then(() => {
      if (generation === this.#generation && request === this.#requests.get(listener))
        this.#subscribe(listener)
    })
  }

  /** Before the credential ends; again soon if that fails. */
  #refreshIn(expiresInMs: number): void {
    const generation = this.#generation
    const dueMs = Math.min(expiresInMs * REFRESH_SHARE, MAX_REFRESH_MS)
    setTimeout(() => {
      if (generation !== this.#generation) return
      void this.#fetchToken().then((token) => {
        if (generation !== this.#generation) return
        this.#socket.emit('refresh', { token }, (answer: { ok: boolean; expiresInMs?: number }) => {
          if (generation !== this.#generation) return
          // Otherwise the connection ends with the credential, and the next one brings a new one.
          if (answer.ok) this.#refreshIn(answer.expiresInMs ?? 0)
        })
      })
    }, dueMs)
  }
}
