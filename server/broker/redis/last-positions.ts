import type { Position } from '../../../shared/position.ts'

/** Rooms in each of the two generations that are remembered. */
const ROOMS_AT_MOST = 5_000

/** What this process was told of where logs end, to notice when one goes back: a failover lost what was confirmed. */
export class LastPositions {
  /** Rooms published to lately. When it is full it becomes the older generation, and that one is forgotten. */
  #recent = new Map<string, Position>()
  #older = new Map<string, Position>()

  /** Remembers this end of a log, the result of a publish. Answers true if the log had been further under the same epoch. */
  goesBack(room: string, position: Position): boolean {
    const before = this.#recent.get(room) ?? this.#older.get(room)
    this.#recent.set(room, position)
    if (this.#recent.size >= ROOMS_AT_MOST) {
      this.#older = this.#recent
      this.#recent = new Map()
    }
    return before !== undefined && before.epoch === position.epoch && position.offset <= before.offset
  }
}
