import type { Refused, Subscribed } from '../protocol.ts'
import { ACK_TIMEOUT_MS } from './connection.ts'
import type { RecallSocket } from './connection.ts'
import type { FollowedRoom } from './followed-room.ts'

/** Well below the 100 requests that a node allows a socket to have in flight. */
const MAX_CONCURRENT_SUBSCRIBES = 32

/**
 * Receives the node's response, or undefined if none arrived within 5 s. Called before any notice that follows the
 * response.
 */
type OnResponse = (followed: FollowedRoom, response: Subscribed | Refused | undefined) => void

/** Subscribes to rooms, a few at a time, in the order they were added. */
export class SubscribeQueue {
  readonly #socket: RecallSocket
  readonly #onResponse: OnResponse
  readonly #queued = new Set<FollowedRoom>()
  #inFlight = 0

  constructor(socket: RecallSocket, onResponse: OnResponse) {
    this.#socket = socket
    this.#onResponse = onResponse
  }

  /** Subscribes, again if already subscribed. Does nothing while disconnected: on connect, every room must be added. */
  add(followed: FollowedRoom): void {
    followed.leave()
    this.remove(followed)
    if (!this.#socket.connected) return
    followed.isSubscribing = true
    this.#queued.add(followed)
    this.#sendNext()
  }

  /** Subscribes after a delay that grows until a subscribe request succeeds. */
  addLater(followed: FollowedRoom): void {
    followed.leave()
    followed.schedule(followed.backoff.nextMs(), () => this.add(followed))
  }

  /**
   * Subscribes again if no notice arrives for 5 s while the room is recovering. Call it after the response and after each
   * batch.
   */
  watch(followed: FollowedRoom): void {
    if (followed.hasRecovered) followed.cancel()
    else followed.schedule(ACK_TIMEOUT_MS, () => this.add(followed))
  }

  /** Cancels whatever was queued or scheduled. A request in flight still gets its response. */
  remove(followed: FollowedRoom): void {
    followed.cancel()
    followed.isSubscribing = false
    this.#queued.delete(followed)
  }

  #sendNext(): void {
    for (const followed of this.#queued) {
      if (this.#inFlight >= MAX_CONCURRENT_SUBSCRIBES) return
      this.#queued.delete(followed)
      this.#inFlight++
      // A callback, not a promise: code that awaits could run after the first notices have arrived.
      this.#socket.timeout(ACK_TIMEOUT_MS).emit('subscribe', followed.request, (error, response) => {
        this.#inFlight--
        if (this.#socket.connected) {
          followed.isSubscribing = false
          this.#onResponse(followed, error ? undefined : response)
        }
        this.#sendNext()
      })
    }
  }
}
