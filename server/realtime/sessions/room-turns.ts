import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'

/** Serves the requests of one connection for a room one after the other. */
export class RoomTurns {
  /** The latest request for each room. Undefined while there are none, because most sessions are idle for hours. */
  #latest: Map<string, Promise<unknown>> | undefined

  /** Runs work for one room after all earlier work for it. */
  async take(room: Room, work: () => Promise<void>): Promise<void> {
    const name = roomName(room)
    const latest = (this.#latest ??= new Map())
    const turn = (latest.get(name) ?? Promise.resolve()).then(work, work)
    latest.set(name, turn)
    try {
      await turn
    } finally {
      if (latest.get(name) === turn) latest.delete(name)
      if (latest.size === 0) this.#latest = undefined
    }
  }
}
