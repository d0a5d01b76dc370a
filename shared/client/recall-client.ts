import { FollowedRoom } from './followed-room.ts'
import { RoomListener } from './listeners.ts'
import { Emitter } from './listeners.ts'
import { SubscribeQueue } from './subscribe-queue.ts'
import { memoryPositions } from './position-store.ts'
import type { PositionStore } from './position-store.ts'
import { RequestRefused } from './api.ts'
import type {
  ClientEvents,
  NoticeListener,
  RecallClientOptions,
  State,
  SubscribeOptions,
  Subscription,
} from './api.ts'
import { ANSWER_TIMEOUT_MS, Connection } from './connection.ts'
import type { Credential } from './credential.ts'
import type { Position } from '../position.ts'
import type { Gap, NoticeBatch, RecalledResponse, Refused, Subscribed, Unsubscribed } from '../protocol.ts'
import type { Conversation, RecalledAt } from '../recall.ts'
import { roomName } from '../room.ts'
import type { Room } from '../room.ts'

const SEQS_PER_REQUEST = 1_000

/** See `createRecallClient`. */
export class RecallClient {
  readonly #connection: Connection
  readonly #positions: PositionStore
  readonly #rooms = new Map<string, FollowedRoom>()
  readonly #listeners = new Emitter<ClientEvents>()
  readonly #queue: SubscribeQueue
  #told = ''

  constructor({ url, auth, getToken, positions = memoryPositions() }: RecallClientOptions) {
    this.#positions = positions
    this.#connection = new Connection({
      url,
      credential: credentialOf(auth, getToken),
      onConnect: () => {
        for (const room of this.#rooms.values()) {
          // The credential is another one, and may grant what the last one did not.
          room.refusal = undefined
          this.#queue.add(room)
        }
      },
      onDisconnect: () => {
        for (const room of this.#rooms.values()) {
          this.#queue.remove(room)
          room.leave()
        }
      },
      onGoodbye: (goodbye) => this.#listeners.emit('goodbye', goodbye),
      onError: (error) => this.#listeners.emit('error', error),
      onChange: () => this.#tellState(),
    })
    const { socket } = this.#connection
    this.#queue = new SubscribeQueue(socket, (followed, answer) => this.#onAnswer(followed, answer))
    socket.on('messages-recalled', (batch) => this.#onBatch(batch))
    socket.on('gap', (gap) => this.#onGap(gap))
    socket.on('unsubscribed', (unsubscribed) => this.#onUnsubscribed(unsubscribed))
    this.#connection.open()
  }

  get state(): State {
    const { refusal, isConnected, hasFailed } = this.#connection
    if (refusal !== undefined) return { kind: 'refused', ...refusal }
    if (!isConnected) return { kind: hasFailed ? 'offline' : 'connecting' }
    const isLive = [...this.#rooms.values()].every((room) => room.isRefused || room.isLive)
    return { kind: isLive ? 'live' : 'catching-up' }
  }

  /** Calls `listener` whenever it happens; answers how to stop. */
  on<Name extends keyof ClientEvents>(
    event: Name,
    listener: (value: ClientEvents[Name]) => void,
  ): () => void {
    return this.#listeners.on(event, listener)
  }

  /**
   * Gives `listener` each notice of the room once, in order: what was missed since the kept position, or `since`, and then what
   * comes. The position moves on when the listener, and the promise it may return, have come to an end.
   */
  subscribe(room: Room, listener: NoticeListener, { since }: SubscribeOptions = {}): Subscription {
    const followed = this.#follow(room, since)
    const listening = new RoomListener(listener, (error) => this.#listeners.emit('error', error))
    followed.listening.add(listening)
    const stateOf = (): Subscription['state'] => {
      if (followed.isRefused) return 'refused'
      if (!this.#connection.isConnected) return 'offline'
      return followed.isLive ? 'live' : 'catching-up'
    }
    return {
      room,
      get position() {
        return followed.position
      },
      get state() {
        return stateOf()
      },
      leave: () => {
        listening.leave()
        if (followed.listening.delete(listening) && followed.listening.size === 0) this.#unfollow(followed)
      },
    }
  }

  /** Those of `seqs` that are recalled in exactly this conversation. Rejects with `RequestRefused`. */
  async recalled(conversation: Conversation, seqs: readonly number[]): Promise<readonly RecalledAt[]> {
    const found: RecalledAt[] = []
    for (let i = 0; i < seqs.length; i += SEQS_PER_REQUEST) {
      const ask = { ...conversation, seqs: seqs.slice(i, i + SEQS_PER_REQUEST) }
      found.push(...(await this.#askRecalled(ask)))
    }
    return found
  }

  /** Whether this message is recalled. Rejects with `RequestRefused`. */
  async isRecalled(conversation: Conversation, seq: number): Promise<boolean> {
    return (await this.recalled(conversation, [seq])).length > 0
  }

  /** Connects again, with a new credential: after a refusal, or to show another one. Rooms go on from where they are. */
  connect(): void {
    this.#connection.open()
    this.#tellState()
  }

  /** Ends the connection; nothing more is told. */
  close(): void {
    for (const room of this.#rooms.values()) this.#queue.remove(room)
    for (const { listening } of this.#rooms.values()) for (const one of listening) one.leave()
    this.#rooms.clear()
    this.#connection.close()
  }

  #follow(room: Room, since: Position | undefined): FollowedRoom {
    const name = roomName(room)
    let followed = this.#rooms.get(name)
    if (followed !== undefined && !followed.isRefused) return followed
    followed ??= this.#create(room, since)
    followed.refusal = undefined
    this.#queue.add(followed)
    this.#tellState()
    return followed
  }

  #create(room: Room, since: Position | undefined): FollowedRoom {
    const name = roomName(room)
    const followed: FollowedRoom = new FollowedRoom(room, since ?? this.#load(name), {
      onHandled: (position) => this.#save(name, position),
      onIdle: () => this.#onIdle(followed),
    })
    this.#rooms.set(name, followed)
    return followed
  }

  #unfollow(followed: FollowedRoom): void {
    const { room } = followed
    this.#queue.remove(followed)
    if (this.#rooms.get(roomName(room)) === followed) this.#rooms.delete(roomName(room))
    // Emitted while not connected, it would be sent later, when the room may be followed again.
    if (this.#connection.isConnected) this.#connection.socket.emit('unsubscribe', room, () => undefined)
    this.#tellState()
  }

  #onAnswer(followed: FollowedRoom, answer: Subscribed | Refused | undefined): void {
    if (!this.#isFollowed(followed)) return
    if (answer === undefined) return this.#queue.addLater(followed)
    if (!answer.ok) return this.#onRefused(followed, answer)
    const { room } = followed
    followed.enter(answer)
    this.#queue.watch(followed)
    if (answer.gap !== undefined) {
      this.#listeners.emit('gap', { room, reason: answer.gap, position: answer.position })
    } else if (answer.recovered > 0) this.#listeners.emit('recovered', { room, count: answer.recovered })
    this.#tellState()
  }

  #onRefused(followed: FollowedRoom, { code, message, retry }: Refused | Unsubscribed): void {
    followed.leave()
    followed.refusal = { code, message, retry }
    this.#queue.remove(followed)
    if (retry) this.#queue.addLater(followed)
    this.#listeners.emit('refused', { room: followed.room, code, message, retry })
    this.#tellState()
  }

  #onBatch(batch: NoticeBatch): void {
    const followed = this.#rooms.get(roomName(batch.room))
    if (followed === undefined) return
    if (followed.take(batch) === 'hole') return this.#queue.addLater(followed)
    if (followed.isFull) {
      followed.leave()
      this.#queue.remove(followed)
      this.#connection.socket.emit('unsubscribe', followed.room, () => undefined)
    } else this.#queue.watch(followed)
    this.#tellState()
  }

  /** Listeners are through: on with what was not taken meanwhile. */
  #onIdle(followed: FollowedRoom): void {
    if (!this.#isFollowed(followed)) return
    if (followed.isIdle && !followed.isRefused) this.#queue.add(followed)
    this.#tellState()
  }

  #onGap({ room, reason, position }: Gap): void {
    const followed = this.#rooms.get(roomName(room))
    if (followed === undefined) return
    followed.jump(position)
    this.#listeners.emit('gap', { room: followed.room, reason, position })
    this.#tellState()
  }

  #onUnsubscribed(unsubscribed: Unsubscribed): void {
    const followed = this.#rooms.get(roomName(unsubscribed.room))
    if (followed !== undefined) this.#onRefused(followed, unsubscribed)
  }

  async #askRecalled(
    ask: Conversation & { readonly seqs: readonly number[] },
  ): Promise<readonly RecalledAt[]> {
    const { socket } = this.#connection
    const lost = { code: 'NO_ANSWER', message: 'the gateway did not answer', retry: true }
    if (!socket.connected) throw new RequestRefused(lost)
    const answer = (await socket
      .timeout(ANSWER_TIMEOUT_MS)
      .emitWithAck('recalled', ask)
      .catch(() => undefined)) as RecalledResponse | Refused | undefined
    if (answer?.ok) return answer.recalled
    throw new RequestRefused(answer ?? lost)
  }

  #isFollowed(followed: FollowedRoom): boolean {
    return this.#rooms.get(roomName(followed.room)) === followed
  }

  #load(room: string): Position | undefined {
    try {
      return this.#positions.load(room)
    } catch (error) {
      this.#listeners.emit('error', error)
      return undefined
    }
  }

  #save(room: string, position: Position): void {
    try {
      this.#positions.save(room, position)
    } catch (error) {
      this.#listeners.emit('error', error)
    }
  }

  #tellState(): void {
    const { state } = this
    const text = JSON.stringify(state)
    if (text === this.#told) return
    this.#told = text
    this.#listeners.emit('state', state)
  }
}

function credentialOf(
  auth: RecallClientOptions['auth'],
  getToken: RecallClientOptions['getToken'],
): () => Credential | Promise<Credential> {
  if (getToken !== undefined) return async () => ({ token: await getToken() })
  if (typeof auth === 'function') return auth
  if (auth !== undefined) return () => auth
  throw new TypeError('a recall client needs `auth` or `getToken`')
}
