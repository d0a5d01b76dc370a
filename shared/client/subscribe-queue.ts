import { fullJitterMs } from '../backoff.ts'
import type { Refused, Subscribed } from '../protocol.ts'
import type { FollowedRoom } from './followed-room.ts'
import type { Ahead } from './offer.ts'
import type { RecallSocket, Requests } from './requests.ts'
import type { Silence } from './silence.ts'

/** Well below the 100 requests that a node allows a socket to have in flight. */
const MAX_CONCURRENT_SUBSCRIBES = 32

/** How often a room is subscribed again in a row without a delay. */
const MAX_IMMEDIATE = 8

/** Within this time, those subscribe that need not wait any longer: all clients of a node hear at once that it is well. */
const HURRIED = { baseMs: 1_000, maxMs: 1_000 }

/**
 * Receives the node's response to the latest request for a room, or undefined if there was none. Called before any notice
 * that follows the response.
 */
type OnResponse = (followed: FollowedRoom, response: Subscribed | Refused | undefined) => void

/** Subscribes to rooms, a few at a time, in the order they were added. */
export class SubscribeQueue {
  readonly #socket: RecallSocket
  readonly #requests: Requests
  readonly #silence: Silence
  readonly #onResponse: OnResponse
  readonly #queued = new Set<FollowedRoom>()
  /** The latest request of each room: what answers an earlier one says nothing about it. */
  readonly #latest = new WeakMap<FollowedRoom, symbol>()
  /** Those that subscribe after a delay, and when, by `performance.now()`. */
  readonly #delayed = new Map<FollowedRoom, number>()
  #inFlight = 0

  constructor(socket: RecallSocket, requests: Requests, silence: Silence, onResponse: OnResponse) {
    this.#socket = socket
    this.#requests = requests
    this.#silence = silence
    this.#onResponse = onResponse
  }

  /**
   * Subscribes, again if already subscribed: then the subscription goes on until the response. Does nothing if no listener can
   * take anything, or while disconnected: on connect, every room must be added.
   */
  add(followed: FollowedRoom): void {
    this.#cancel(followed)
    if (!this.#socket.connected || !followed.canTake) return
    followed.isSubscribing = true
    this.#queued.add(followed)
    this.#sendNext()
  }

  /** Goes on with a request that went ahead with the handshake. If the node does not take it, subscribes as always. */
  takeUp(followed: FollowedRoom, ahead: Ahead): void {
    this.#cancel(followed)
    followed.isSubscribing = true
    this.#send(followed, ahead)
  }

  /** Subscribes now, for listeners at different places, unless that has not helped yet. */
  addSoon(followed: FollowedRoom): void {
    if (followed.backoff.failures < MAX_IMMEDIATE) {
      followed.backoff.nextMs()
      this.add(followed)
    } else this.addLater(followed)
  }

  /** Subscribes after a delay that grows until a subscribe request succeeds. */
  addLater(followed: FollowedRoom): void {
    this.#addIn(followed, followed.backoff.nextMs())
  }

  /**
   * There is reason to believe that requests succeed again: ends the delays. If they fail nevertheless, the delays go on growing.
   */
  hurry(): void {
    const endMs = performance.now() + HURRIED.maxMs
    const late = [...this.#delayed].filter(([, dueAtMs]) => dueAtMs > endMs)
    for (const [followed] of late) this.#addIn(followed, fullJitterMs(0, HURRIED))
  }

  /** What the subscription brings is not what it should. */
  replaceLater(followed: FollowedRoom): void {
    followed.leave()
    this.addLater(followed)
  }

  /**
   * Subscribes again if the node falls silent while the room is recovering. Call it after the response and after each batch.
   * What is to be asked again anyway does not wait for that.
   */
  watch(followed: FollowedRoom): void {
    if (followed.isSubscribing || !followed.isSubscribed || this.#delayed.has(followed)) return
    if (followed.hasRecovered) followed.cancel()
    else followed.waitFor(this.#silence.watch(() => this.replaceLater(followed)))
  }

  /** Ends the room's subscription here, and cancels whatever was queued, scheduled or in flight. */
  remove(followed: FollowedRoom): void {
    followed.leave()
    this.#cancel(followed)
  }

  #addIn(followed: FollowedRoom, ms: number): void {
    this.#cancel(followed)
    const timer = setTimeout(() => this.add(followed), ms)
    followed.waitFor(() => clearTimeout(timer))
    this.#delayed.set(followed, performance.now() + ms)
  }

  #cancel(followed: FollowedRoom): void {
    followed.cancel()
    followed.isSubscribing = false
    this.#delayed.delete(followed)
    this.#queued.delete(followed)
    this.#latest.delete(followed)
  }

  #sendNext(): void {
    for (const followed of this.#queued) {
      if (!this.#socket.connected || this.#inFlight >= MAX_CONCURRENT_SUBSCRIBES) return
      this.#queued.delete(followed)
      this.#send(followed)
    }
  }

  #send(followed: FollowedRoom, ahead?: Ahead): void {
    const request = Symbol()
    this.#latest.set(followed, request)
    const isLatest = (): boolean => this.#socket.connected && this.#latest.get(followed) === request
    this.#inFlight++
    // A callback, not a promise: code that awaits could run after the first notices have arrived.
    this.#requests.send<Subscribed>(
      (ack) => {
        if (ahead === undefined) return void this.#socket.emit('subscribe', followed.nextRequest(), ack)
        ahead(ack, () => {
          if (isLatest()) this.add(followed)
          ack()
        })
      },
      (response) => {
        this.#inFlight--
        if (isLatest()) {
          followed.isSubscribing = false
          this.#onResponse(followed, response)
        }
        this.#sendNext()
      },
    )
  }
}
