import { asGatewayError } from '../../../shared/errors.ts'
import { roomName, roomsOf } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { Published } from '../broker.ts'
import type { RecoverableBroker } from '../recoverable-broker.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { createEpochReplacer } from '../epoch-replacer.ts'
import { withRooms } from '../repeats.ts'
import type { RecallCopy } from './copy-lines.ts'

/** Rooms whose replaced epochs are remembered. Beyond it all are forgotten, and some get one more. */
const MAX_ROOMS = 10_000

/** An epoch to replace, and up to which offset the log is certainly as it was. */
interface Outdated {
  readonly room: Room
  readonly epoch: string
  readonly agreesUntil: number
}

/** A recall that is published again. */
interface Lacking {
  readonly copy: RecallCopy
  /** Whether it may have been stored at positions that nobody noted. */
  readonly isDoubtful: boolean
}

/** Epochs by the name of the room. */
type Replaced = Map<string, Set<string>>

/** What was done before recalls are published again. */
export interface Renewal {
  /** Why rooms keep their epochs though they must not, by name: their recalls must wait. */
  readonly failures: ReadonlyMap<string, Error>
  /** To be called with each of them once it was published again: the log may have gone back once more in between. */
  readonly after: (copy: RecallCopy, positions: Published['positions']) => Promise<void>
}

/**
 * Gives logs that have lost recalls another epoch, so that the offset of none stands for another notice. A log keeps its epoch
 * if that is none under which the recall was confirmed. Where such an epoch may be unknown, because a repeat is confirmed without
 * positions or an answer was lost, a log gets another epoch whatever it has, once for each loss.
 */
export function createEpochRenewal(
  broker: Pick<RecoverableBroker, 'publishedHeads' | 'newEpoch'>,
  { log }: { readonly log: Logger },
) {
  /** The epochs that were replaced since the latest loss, by the name of the room. If one is there again, the log went back again. */
  let replaced: Replaced = new Map()
  const replacer = createEpochReplacer({ newEpoch: broker.newEpoch, log })

  const replace = ({ room, epoch, agreesUntil }: Outdated): Promise<void> =>
    broker.newEpoch(room, epoch, agreesUntil)

  /** Returns the present epochs of these rooms that must be replaced, unless they have been. */
  async function presentIn(rooms: readonly Room[], since: Replaced): Promise<readonly Outdated[]> {
    if (rooms.length === 0) return []
    const heads = await broker.publishedHeads(rooms)
    return rooms.flatMap((room, i) => {
      const epoch = heads[i]?.epoch
      const known = since.get(roomName(room))
      return epoch === undefined || known?.has(epoch) === false ? [] : [{ room, epoch, agreesUntil: 0 }]
    })
  }

  function note({ room, epoch }: Outdated, since: Replaced): void {
    const name = roomName(room)
    if (since.size >= MAX_ROOMS && !since.has(name)) since.clear()
    since.set(name, (since.get(name) ?? new Set()).add(epoch))
  }

  /** Replaces as many as it can, and adds the errors of the others to `failures`, by the name of the room. */
  async function replaceAll(
    all: readonly Outdated[],
    failures: Map<string, Error>,
    onReplaced: (one: Outdated) => void = () => undefined,
  ): Promise<void> {
    const results = await Promise.allSettled(all.map(replace))
    for (const [i, result] of results.entries()) {
      const one = all[i] as Outdated
      if (result.status === 'fulfilled') onReplaced(one)
      else failures.set(roomName(one.room), asGatewayError(result.reason))
    }
  }

  async function after(copy: RecallCopy, positions: Published['positions'], since: Replaced): Promise<void> {
    const before = positionsIn(copy).map(({ room, position: { epoch } }) => keyOf(room, epoch))
    const wentBack = positions.filter(
      ({ room, position: { epoch } }) =>
        before.includes(keyOf(room, epoch)) || since.get(roomName(room))?.has(epoch),
    )
    await replacer.replace(wentBack.map(({ room, position }) => ({ room, name: roomName(room), position })))
  }

  return {
    /** To be called before these recalls are published again. */
    async before(lacking: readonly Lacking[]): Promise<Renewal> {
      // Another loss meanwhile takes nothing from what this round knows.
      const since = replaced
      const known = new Map<string, Outdated>()
      const doubtful = new Map<string, Room>()
      for (const { copy, isDoubtful } of lacking) {
        for (const { room, position } of positionsIn(copy)) {
          const { epoch, offset } = position
          const key = keyOf(room, epoch)
          const agreesUntil = Math.min(offset - 1, known.get(key)?.agreesUntil ?? Infinity)
          known.set(key, { room, epoch, agreesUntil })
        }
        if (isDoubtful || isIncomplete(copy))
          for (const room of roomsOf(copy.recall)) doubtful.set(roomName(room), room)
      }
      const failures = new Map<string, Error>()
      await replaceAll([...known.values()], failures)
      await replaceAll(await presentIn([...doubtful.values()], since), failures, (one) => note(one, since))
      return { failures, after: (copy, positions) => after(copy, positions, since) }
    },

    /** After another loss. */
    forget: (): void => void (replaced = new Map()),

    stop: replacer.stop,
  }
}

/** Whether it was confirmed without positions. */
export const isIncomplete = ({ confirmed }: RecallCopy): boolean =>
  confirmed.some((positions) => positions.length === 0)

const keyOf = (room: Room, epoch: string): string => `${roomName(room)} ${epoch}`

const positionsIn = ({ recall, confirmed }: RecallCopy): Published['positions'] =>
  confirmed.flatMap((positions) => withRooms(roomsOf(recall), positions))
