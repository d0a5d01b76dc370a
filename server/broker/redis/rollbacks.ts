import type { Position } from '../../../shared/position.ts'
import { RecentMap } from '../../lib/recent-map.ts'

/** At least; twice as many at most. */
const MAX_ROOMS = 5_000
/** Epochs that are remembered of a room, besides its present one. */
const MAX_EARLIER_EPOCHS = 3

interface Known {
  position: Position
  earlierEpochs: readonly string[]
}

const NONE: readonly string[] = []

/**
 * Remembers where the logs of recently used rooms end, to detect when one goes back: a failover lost confirmed recalls.
 * Holds the latest 5,000 rooms at least and 10,000 at most.
 */
export class RollbackDetector {
  readonly #rooms = new RecentMap<Known>(MAX_ROOMS)

  /**
   * Records the position of a new entry. Returns whether the log had reached it before, under the same epoch, or under one that
   * had been replaced: then the replacement was lost too.
   */
  wentBack(room: string, position: Position): boolean {
    const known = this.#rooms.get(room)
    if (known === undefined) {
      this.#rooms.set(room, { position, earlierEpochs: NONE })
      return false
    }
    const before = known.position
    known.position = position
    const isSameEpoch = before.epoch === position.epoch
    if (!isSameEpoch)
      known.earlierEpochs = [before.epoch, ...known.earlierEpochs].slice(0, MAX_EARLIER_EPOCHS)
    const { earlierEpochs } = known
    return isSameEpoch ? position.offset <= before.offset : earlierEpochs.includes(position.epoch)
  }
}
