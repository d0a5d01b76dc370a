import { roomName } from '../../../shared/room.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Published, RecoverableBroker } from '../broker.ts'
import { createEpochReplacer } from '../epoch-replacer.ts'
import type { RolledBackLog } from '../epoch-replacer.ts'

/** Rooms that are remembered. Beyond it they are forgotten, and may be renewed once more. */
const MAX_ROOMS = 100_000

interface RenewingDependencies {
  readonly newEpoch: RecoverableBroker['newEpoch']
  readonly log: Logger
}

/**
 * Gives logs another epoch with the first recall that is published to each, if nobody may know any more what they held: an offset
 * that is published now may have stood for another notice, which clients have seen.
 */
export function createRenewing({ newEpoch, log }: RenewingDependencies) {
  const epochs = createEpochReplacer({ newEpoch, log })
  const seen = new Set<string>()
  /** The first recall in each room until it is known whether to renew; undefined afterwards. */
  let waiting: RolledBackLog[] | undefined = []
  let isNeeded = true

  return {
    /** To be called once it is known. */
    decide(isNeededNow: boolean): void {
      if (waiting === undefined) return
      isNeeded = isNeededNow
      if (isNeeded)
        log.warn('what Redis may have lost is unknown: each room gets a new epoch with its next recall')
      else seen.clear()
      if (isNeeded) void epochs.replace(waiting)
      waiting = undefined
    },

    published({ positions }: Published): void {
      if (!isNeeded) return
      for (const {
        room,
        position: { epoch },
      } of positions) {
        const name = roomName(room)
        if (seen.has(name)) continue
        if (seen.size >= MAX_ROOMS) seen.clear()
        seen.add(name)
        // Another receiver may have published in it before: of what it holds, nothing is known to be as it was.
        const one = { room, name, position: { epoch, offset: 1 } }
        if (waiting === undefined) void epochs.replace([one])
        else if (waiting.length < MAX_ROOMS) waiting.push(one)
      }
    },

    stop: epochs.stop,
  }
}
