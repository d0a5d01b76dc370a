import type { Notice } from '../../shared/notice.ts'
import type { RoomListener, Subscription } from './broker.ts'

/** This process's listeners, by room name. Grows and shrinks with the subscriptions. */
export class RoomListeners {
  /** Most rooms have one, and a set takes as much memory as all else that is kept of a room here. */
  readonly #byRoom = new Map<string, RoomListener | Set<RoomListener>>()

  /** Adds the listener. Returns whether it is the first of its room. */
  add(room: string, listener: RoomListener): boolean {
    const known = this.#byRoom.get(room)
    if (known instanceof Set) known.add(listener)
    else if (known !== listener)
      this.#byRoom.set(room, known === undefined ? listener : new Set([known, listener]))
    return known === undefined
  }

  /** Removes the listener. Returns whether it was the last of its room. */
  remove(room: string, listener: RoomListener): boolean {
    const known = this.#byRoom.get(room)
    const isLast = known instanceof Set ? known.delete(listener) && known.size === 0 : known === listener
    return isLast && this.#byRoom.delete(room)
  }

  has(room: string): boolean {
    return this.#byRoom.has(room)
  }

  rooms(): string[] {
    return [...this.#byRoom.keys()]
  }

  deliver(room: string, notice: Notice, epoch: string): void {
    for (const listener of this.#of(room)) listener.onNotice(notice, epoch)
  }

  notifyAllLost(): void {
    for (const room of this.#byRoom.keys()) for (const listener of this.#of(room)) listener.onLost?.()
  }

  notifyInterrupted(room: string): void {
    for (const listener of this.#of(room)) listener.onInterrupted()
  }

  #of(room: string): Iterable<RoomListener> {
    const known = this.#byRoom.get(room)
    return known === undefined ? [] : known instanceof Set ? known : [known]
  }
}

/** A listener of a room, and how it leaves. */
export class RoomSubscription implements Subscription {
  readonly #room: string
  readonly #listener: RoomListener
  readonly #leave: (room: string, listener: RoomListener) => void

  /** `leave` is shared by all subscriptions. */
  constructor(room: string, listener: RoomListener, leave: (room: string, listener: RoomListener) => void) {
    this.#room = room
    this.#listener = listener
    this.#leave = leave
  }

  leave(): void {
    this.#leave(this.#room, this.#listener)
  }
}
