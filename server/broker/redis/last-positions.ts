import type { Position } from '../../../shared/position.ts'

/** Rooms that are remembered; the one published to longest ago is forgotten first. */
const ROOMS_AT_MOST = 10_000

/** What this process was told of where logs end, to notice when one goes back: a failover lost what was confirmed. */
export class LastPositions {
  readonly #byRoom = new Map<string, Position>()

  /** Remembers this end of a log, the result of a publish. Answers true if the log had been further under the same epoch. */
  goesBack(room: string, position: Position): boolean {
    const before = this.#byRoom.get(room)
    this.#byRoom.delete(room)
    this.#byRoom.set(room, position)
    if (this.#byRoom.size > ROOMS_AT_MOST) {
      for (const oldest of this.#byRoom.keys()) {
        this.#byRoom.delete(oldest)
        break
      }
    }
    return before !== undefined && before.epoch === position.epoch && position.offset <= before.offset
  }
}
