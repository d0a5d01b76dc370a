import type { Position } from '../../../shared/position.ts'
import type { Room } from '../../../shared/room.ts'
import type { Broker } from '../../broker/broker.ts'
import { agreesUntil, firstOf } from './evidence.ts'
import type { Evidence } from './evidence.ts'

/** After a change of the epoch no more notices follow than after a subscription. */
const MAX_RESUMED_NOTICES = 1_000
/** Epochs that a room remembers, besides its present one. */
const MAX_EARLIER_EPOCHS = 3
/** More than a room knows of its log. */
const COMPARED_NOTICES = 100

/** Which epochs the log of a room had, and where a room goes on when it has another one. Rejects with BROKER_UNAVAILABLE. */
export class EpochChanges {
  readonly #room: Room
  readonly #broker: Pick<Broker, 'history'>
  #earlier: readonly string[] = []

  constructor(room: Room, broker: Pick<Broker, 'history'>) {
    this.#room = room
    this.#broker = broker
  }

  /** Records an epoch that the log had until now. */
  left(epoch: string): void {
    this.#earlier = [epoch, ...this.#earlier].slice(0, MAX_EARLIER_EPOCHS)
  }

  /** Whether the log had this epoch before another one. It can only return if the store went back. */
  hasReturned = (epoch: string): boolean => this.#earlier.includes(epoch)

  /** Returns the last offset up to which the log under this epoch holds what is known of it; Infinity if nothing is. */
  async agreesUntil(epoch: string, evidence: Evidence): Promise<number> {
    const first = firstOf(evidence)
    if (first === undefined) return Infinity
    const since = { epoch, offset: first - 1 }
    const history = await this.#broker.history(this.#room, since, COMPARED_NOTICES)
    return agreesUntil(evidence, history.gap === undefined ? history.notices : [])
  }

  /**
   * Returns the position after which everything follows that may be new to a listener which was at `position`, unless that is too
   * much; undefined if the epoch is not, or no longer, this one.
   */
  async resume(position: Position, epoch: string, evidence: Evidence): Promise<Position | undefined> {
    const history = await this.#broker.history(this.#room, position, 1)
    const { gap, head, resume = head } = { resume: undefined, ...history }
    const agreed = { epoch, offset: await this.agreesUntil(epoch, evidence) }
    if (gap !== 'epoch-changed' || head.epoch !== epoch) return undefined
    // The log may have been emptied on purpose.
    const isEarlier = agreed.offset < resume.offset
    const isKept = isEarlier && (await this.#broker.history(this.#room, agreed, 1)).gap === undefined
    const next = isKept ? agreed : resume
    return head.offset - next.offset > MAX_RESUMED_NOTICES ? head : next
  }
}
