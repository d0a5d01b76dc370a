import type { Refused, Subscribed } from '../protocol.ts'
import { ANSWER_TIMEOUT_MS } from './connection.ts'
import type { RecallSocket } from './connection.ts'
import type { FollowedRoom } from './followed-room.ts'

/** Subscribe requests in flight; a node allows 100 requests of a socket. */
const MAX_CONCURRENT_SUBSCRIBES = 32

/** The answer of the node; undefined if none came in time. */
type Answer = Subscribed | Refused | undefined

/** Subscribes to rooms in order, a few at a time: a node refuses a client that asks for a thousand rooms at a time. */
export class SubscribeQueue {
  readonly #socket: RecallSocket
  readonly #onAnswer: (followed: FollowedRoom, answer: Answer) => void
  readonly #queued = new Set<FollowedRoom>()
  #inFlight = 0

  /** `onAnswer` is called before any notice that follows the answer. */
  constructor(socket: RecallSocket, onAnswer: (followed: FollowedRoom, answer: Answer) => void) {
    this.#socket = socket
    this.#onAnswer = onAnswer
  }

  /** Subscribes to the room, anew if it is subscribed. Does nothing while not connected: every room is added on connect. */
  add(followed: FollowedRoom): void {
    followed.leave()
    this.remove(followed)
    if (!this.#socket.connected) return
    followed.isAsked = true
    this.#queued.add(followed)
    this.#sendNext()
  }

  /** Adds the room after a backoff that grows until the next successful subscribe. */
  addLater(followed: FollowedRoom): void {
    followed.leave()
    followed.schedule(followed.backOff.nextMs(), () => this.add(followed))
  }

  /** Adds the room again if the notices to recover stop arriving. */
  watch(followed: FollowedRoom): void {
    if (followed.hasArrived) followed.cancel()
    else followed.schedule(ANSWER_TIMEOUT_MS, () => this.add(followed))
  }

  /** Also cancels `addLater` and `watch`. A request in flight is still answered. */
  remove(followed: FollowedRoom): void {
    followed.cancel()
    followed.isAsked = false
    this.#queued.delete(followed)
  }

  #sendNext(): void {
    for (const followed of this.#queued) {
      if (this.#inFlight >= MAX_CONCURRENT_SUBSCRIBES) return
      this.#queued.delete(followed)
      this.#inFlight++
      // No promise: notices may follow the answer before its continuation would run.
      this.#socket.timeout(ANSWER_TIMEOUT_MS).emit('subscribe', followed.ask, (error, answer) => {
        this.#inFlight--
        if (this.#socket.connected) {
          followed.isAsked = false
          this.#onAnswer(followed, error ? undefined : answer)
        }
        this.#sendNext()
      })
    }
  }
}
