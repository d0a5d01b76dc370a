import type { Position } from '../../../shared/position.ts'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { Broker } from '../../broker/broker.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { agreesUntil, firstOf } from './evidence.ts'
import type { Evidence } from './evidence.ts'

/** After a change of the epoch no more notices follow than after a subscription. */
const MAX_RESUMED_NOTICES = 1_000
/** Epochs that a room remembers, besides its present one. */
const MAX_EARLIER_EPOCHS = 3
/** More than a room knows of its log. */
const COMPARED_NOTICES = 100

interface EpochChangesDependencies {
  readonly broker: Pick<Broker, 'history' | 'newEpoch'>
  readonly log: Logger
}

/**
 * Which epochs the log of a room had, when it must get another one, and where the room goes on then. Rejects with BROKER_UNAVAILABLE.
 */
export class EpochChanges {
  readonly #room: Room
  readonly #deps: EpochChangesDependencies
  #earlier: readonly string[] = []

  constructor(room: Room, dependencies: EpochChangesDependencies) {
    this.#room = room
    this.#deps = dependencies
  }

  /** Records an epoch that the log had until now. */
  left(epoch: string): void {
    this.#earlier = [epoch, ...this.#earlier].slice(0, MAX_EARLIER_EPOCHS)
  }

  /** Gives the log a new epoch: it lost notices that a room which is at `position` has delivered. */
  async replace(position: Position, evidence: Evidence): Promise<void> {
    this.#deps.log.error(
      { room: roomName(this.#room), position },
      'room log lost delivered notices, starting a new epoch',
    )
    const agreed = await this.#agreesUntil(position.epoch, evidence)
    await this.#deps.broker.newEpoch(this.#room, position.epoch, Math.min(agreed, position.offset))
  }

  /**
   * Returns where a room that was at `position` goes on under the epoch that the log has now; undefined if that has to be read again,
   * because the log has, or gets, yet another one.
   */
  async follow(position: Position, epoch: string, evidence: Evidence): Promise<Position | undefined> {
    // It can only return if the store went back.
    if (!this.#earlier.includes(epoch)) return await this.#resume(position, epoch, evidence)
    this.#deps.log.error(
      { room: roomName(this.#room), epoch },
      'room log went back to an earlier epoch, starting a new one',
    )
    // Of what it holds, nothing is known to be as it was.
    await this.#deps.broker.newEpoch(this.#room, epoch, 0)
    return undefined
  }

  /** Returns the last offset up to which the log under this epoch holds what is known of it; Infinity if nothing is. */
  async #agreesUntil(epoch: string, evidence: Evidence): Promise<number> {
    const first = firstOf(evidence)
    if (first === undefined) return Infinity
    const since = { epoch, offset: first - 1 }
    const history = await this.#deps.broker.history(this.#room, since, COMPARED_NOTICES)
    return agreesUntil(evidence, history.gap === undefined ? history.notices : [])
  }

  /**
   * Returns the position after which everything follows that may be new to a listener which was at `position`, unless that is too
   * much; undefined if the epoch is not, or no longer, this one.
   */
  async #resume(position: Position, epoch: string, evidence: Evidence): Promise<Position | undefined> {
    const history = await this.#deps.broker.history(this.#room, position, 1)
    const { gap, head, resume = head } = { resume: undefined, ...history }
    const agreed = { epoch, offset: await this.#agreesUntil(epoch, evidence) }
    if (gap !== 'epoch-changed' || head.epoch !== epoch) return undefined
    // The log may have been emptied on purpose.
    const isEarlier = agreed.offset < resume.offset
    const isKept = isEarlier && (await this.#deps.broker.history(this.#room, agreed, 1)).gap === undefined
    const next = isKept ? agreed : resume
    return head.offset - next.offset > MAX_RESUMED_NOTICES ? head : next
  }
}
