import type { Notice } from '../../shared/notice.ts'
import type { RoomListener } from './broker.ts'

/** Who listens to which room in this process, by room name. Grows and shrinks with the subscriptions. */
export class RoomListeners {
  readonly #byRoom = new Map<string, Set<RoomListener>>()

  /** Answers true for the first listener of the room. */
  add(room: string, listener: RoomListener): boolean {
    const listeners = this.#byRoom.get(room)
    if (listeners !== undefined) {
      listeners.add(listener)
      return false
    }
    this.#byRoom.set(room, new Set([listener]))
    return true
  }

  /** Answers true when nobody is left. */
  remove(room: string, listener: RoomListener): boolean {
    const listeners = this.#byRoom.get(room)
    if (listeners === undefined || !listeners.delete(listener) || listeners.size > 0) return false
    return this.#byRoom.delete(room)
  }

  rooms(): string[] {
    return [...this.#byRoom.keys()]
  }

  tellNotice(room: string, notice: Notice, epoch: string): void {
    for (const listener of this.#byRoom.get(room) ?? []) listener.onNotice(notice, epoch)
  }

  tellInterrupted(room: string): void {
    for (const listener of this.#byRoom.get(room) ?? []) listener.onInterrupted()
  }
}
