import type { Position } from '../../../shared/position.ts'

/** Rooms in each of the two maps. */
const MAX_ROOMS = 5_000
/** Epochs that are remembered of a room, besides its present one. */
const MAX_EARLIER_EPOCHS = 3

interface Known {
  readonly position: Position
  readonly earlierEpochs: readonly string[]
}

/**
 * Remembers where the logs of recently used rooms end, to detect when one goes back: a failover lost confirmed recalls.
 * Holds the latest 5,000 rooms at least and 10,000 at most.
 */
export class RollbackDetector {
  /** Rooms published to recently. When full, it replaces `#older`, whose rooms are forgotten. */
  #recent = new Map<string, Known>()
  #older = new Map<string, Known>()

  /**
   * Records the position of a new entry. Returns whether the log had reached it before, under the same epoch, or under one that
   * had been replaced: then the replacement was lost too.
   */
  wentBack(room: string, position: Position): boolean {
    const known = this.#recent.get(room) ?? this.#older.get(room)
    const before = known?.position
    const isSameEpoch = before?.epoch === position.epoch
    const earlierEpochs =
      known === undefined || isSameEpoch
        ? (known?.earlierEpochs ?? [])
        : [known.position.epoch, ...known.earlierEpochs].slice(0, MAX_EARLIER_EPOCHS)
    this.#recent.set(room, { position, earlierEpochs })
    if (this.#recent.size >= MAX_ROOMS) {
      this.#older = this.#recent
      this.#recent = new Map()
    }
    if (before === undefined) return false
    return isSameEpoch ? position.offset <= before.offset : earlierEpochs.includes(position.epoch)
  }
}
