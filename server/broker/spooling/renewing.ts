import { roomName } from '../../../shared/room.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Published } from '../broker.ts'
import { isSince } from '../epoch-names.ts'
import { createEpochReplacer } from '../epoch-replacer.ts'
import type { RolledBackLog } from '../epoch-replacer.ts'
import type { RecoverableBroker } from '../recoverable-broker.ts'

/** Rooms that are remembered. Beyond it they are forgotten, and may be renewed once more. */
const MAX_ROOMS = 100_000

interface RenewingDependencies {
  readonly newEpoch: RecoverableBroker['newEpoch']
  readonly log: Logger
}

/**
 * Gives logs another epoch with the first recall that is published to each after a power cut, if nobody may know any more what they
 * held: an offset that is published now may have stood for another notice, which clients have seen. The epoch says which logs have
 * got one, also to the next process.
 */
export function createRenewing({ newEpoch, log }: RenewingDependencies) {
  const epochs = createEpochReplacer({
    newEpoch: (room, epoch, agreesUntil) => newEpoch(room, epoch, agreesUntil, cut),
    log,
  })
  let cut: string | undefined
  const seen = new Set<string>()
  /** The first recall in each room until it is known whether to renew; undefined afterwards. */
  let waiting: RolledBackLog[] | undefined = []

  const isOutdated = (epoch: string): boolean => cut !== undefined && !isSince(epoch, cut)

  return {
    /** To be called once it is known whether there was a power cut, with its id. */
    decide(lastCut: string | undefined): void {
      if (waiting === undefined) return
      const first = waiting
      waiting = undefined
      cut = lastCut
      if (cut === undefined) {
        seen.clear()
        return
      }
      log.warn('what Redis may have lost is unknown: each room gets a new epoch with its next recall')
      void epochs.replace(first.filter(({ position }) => isOutdated(position.epoch)))
    },

    published({ positions }: Published): void {
      if (waiting === undefined && cut === undefined) return
      for (const {
        room,
        position: { epoch },
      } of positions) {
        const name = roomName(room)
        if (seen.has(name) || (waiting === undefined && !isOutdated(epoch))) continue
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
