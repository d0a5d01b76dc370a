import { MAX_OPENING_REQUESTS, MAX_REQUEST_BYTES } from '../limits.ts'
import type { Refused, SubscribeRequest, Subscribed } from '../protocol.ts'
import type { FollowedRoom } from './followed-room.ts'
import type { RecallSocket } from './requests.ts'

/** What surrounds the credential and the requests in the packet of a handshake. */
const FRAME_BYTES = 64
/** `hello` comes in one piece with the answer to the handshake. A node of version 1 sends none. */
const HELLO_MS = 1_000

/** A request that went ahead: `onAnswer` is called with its answer, or `onIgnored` if the node does not take it. */
export type Ahead = (onAnswer: (answer: Subscribed | Refused) => void, onIgnored: () => void) => void

interface Waiting {
  readonly onAnswer: (answer: Subscribed | Refused) => void
  readonly onIgnored: () => void
}

/**
 * The subscribe requests that go ahead with a handshake. Once connected, they are in flight like any other; before, they are
 * nothing, and the next handshake has others.
 */
export class Offer {
  #rooms: readonly FollowedRoom[] = []
  /** By index. */
  readonly #waiting = new Map<number, Waiting>()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(socket: RecallSocket) {
    socket.on('hello', ({ subscribing = 0 }) => this.#onTaken(subscribing))
    socket.on('subscribed', ({ index, answer }) => {
      const waiting = this.#waiting.get(index)
      this.#waiting.delete(index)
      waiting?.onAnswer(answer)
    })
    socket.on('disconnect', () => {
      clearTimeout(this.#timer)
      this.#waiting.clear()
    })
  }

  /** Returns the requests for the first of these rooms: as many as a node takes, and as fit into a packet with this `auth`. */
  make(rooms: Iterable<FollowedRoom>, auth: object): readonly SubscribeRequest[] {
    const offered: FollowedRoom[] = []
    const requests: SubscribeRequest[] = []
    let leftBytes = MAX_REQUEST_BYTES - FRAME_BYTES - bytesOf(auth)
    for (const followed of rooms) {
      if (requests.length === MAX_OPENING_REQUESTS) break
      if (!followed.canTake) continue
      const request = followed.nextRequest()
      // With a comma.
      const bytes = bytesOf(request) + 1
      if (bytes > leftBytes) continue
      leftBytes -= bytes
      offered.push(followed)
      requests.push(request)
    }
    this.#rooms = offered
    return requests
  }

  /** To be called once connected. Returns the rooms of the offer, and what became of the request for each. */
  take(): readonly (readonly [FollowedRoom, Ahead])[] {
    const rooms = this.#rooms
    this.#rooms = []
    if (rooms.length > 0) this.#timer = setTimeout(() => this.#onTaken(0), HELLO_MS)
    return rooms.map((followed, index) => [
      followed,
      (onAnswer, onIgnored) => void this.#waiting.set(index, { onAnswer, onIgnored }),
    ])
  }

  /** The node has taken so many of the requests. */
  #onTaken(count: number): void {
    clearTimeout(this.#timer)
    for (const [index, { onIgnored }] of this.#waiting) {
      if (index < count) continue
      this.#waiting.delete(index)
      onIgnored()
    }
  }
}

/** As JSON; infinite for what cannot be sent, such as a bigint. */
function bytesOf(value: object): number {
  try {
    return new TextEncoder().encode(JSON.stringify(value)).length
  } catch {
    return Infinity
  }
}
