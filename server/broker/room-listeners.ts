import type { Notice } from '../../shared/notice.ts'
import type { RoomListener } from './broker.ts'

/** This process's listeners, by room name. Grows and shrinks with the subscriptions. */
export class RoomListeners {
  readonly #byRoom = new Map<string, Set<RoomListener>>()

  /** Adds the listener. Returns whether it is the first of its room. */
  add(room: string, listener: RoomListener): boolean {
    const listeners = this.#byRoom.get(room)
    if (listeners !== undefined) {
      listeners.add(listener)
      return false
    }
    this.#byRoom.set(room, new Set([listener]))
    return true
  }

  /** Removes the listener. Returns whether it was the last of its room. */
  remove(room: string, listener: RoomListener): boolean {
    const listeners = this.#byRoom.get(room)
    if (listeners === undefined || !listeners.delete(listener) || listeners.size > 0) return false
    return this.#byRoom.delete(room)
  }

  rooms(): string[] {
    return [...this.#byRoom.keys()]
  }

  deliver(room: string, notice: Notice, epoch: string): void {
    for (const listener of this.#byRoom.get(room) ?? []) listener.onNotice(notice, epoch)
  }

  notifyAllLost(): void {
    for (const listeners of this.#byRoom.values()) for (const listener of listeners) listener.onLost?.()
  }

  notifyInterrupted(room: string): void {
    for (const listener of this.#byRoom.get(room) ?? []) listener.onInterrupted()
  }
}
