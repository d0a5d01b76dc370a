import { GatewayError } from '../../../shared/errors.ts'
import type { Refused } from '../../../shared/protocol.ts'
import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { TokenBucket } from '../../lib/flow-control.ts'
import type { RequestTurns } from '../../lib/request-turns.ts'
import type { Refusals } from '../../telemetry/refusals.ts'
import { costOf } from './requests.ts'
import type { Transport } from './transport.ts'
import type { UserBudgets } from './user-budgets.ts'

const MAX_PENDING_REQUESTS = 100
/** As many notices of a replay count as one more request. More than seqs, so that a client can resume all its rooms at once. */
const NOTICES_PER_REQUEST = 200

/** Acknowledges a request. A refusal can follow a success, if the grant is lost during a long replay. */
export type Ack<Response> = (response: Response | Refused) => void

/** Shared by all sessions. */
export interface ServingDependencies {
  readonly userBudgets: UserBudgets
  readonly turns: RequestTurns
  readonly refusals: Refusals
}

/**
 * Serves the requests of one connection: within its limits and those of its user, when it is their turn, those for one room one after
 * the other.
 */
export class Serving {
  readonly #userId: string
  readonly #transport: Pick<Transport, 'rest'>
  readonly #deps: ServingDependencies
  readonly #budget = new TokenBucket()
  #pending = 0
  /** The latest request for each room. Undefined while there are none, because most connections are idle for hours. */
  #latest: Map<string, Promise<unknown>> | undefined

  constructor(userId: string, transport: Pick<Transport, 'rest'>, dependencies: ServingDependencies) {
    this.#userId = userId
    this.#transport = transport
    this.#deps = dependencies
  }

  /** Runs a request within the limits, before anything looks at its payload. Acknowledges with a refusal if it throws. */
  async serve(payload: unknown, ack: Ack<never>, work: () => Promise<void>): Promise<void> {
    this.#pending++
    try {
      this.#charge(costOf(payload))
      await work()
    } catch (error) {
      const { code, message, retry } = this.#deps.refusals.report('socket', error, { userId: this.#userId })
      ack({ ok: false, code, message, retry })
    } finally {
      this.#pending--
    }
  }

  /** Runs work for one room after all earlier work for it. */
  async inOrder(room: Room, work: () => Promise<void>): Promise<void> {
    const name = roomName(room)
    const latest = (this.#latest ??= new Map())
    const turn = latest.get(name)?.then(work, work) ?? work()
    latest.set(name, turn)
    try {
      await turn
    } finally {
      if (latest.get(name) === turn) latest.delete(name)
      if (latest.size === 0) this.#latest = undefined
    }
  }

  /** Waits until a request may begin. Undefined if it may now. */
  turn(): Promise<void> | undefined {
    return this.#deps.turns.begin(this.#userId, this)
  }

  /** Runs a request that reads and returns a lot. Rejects like `RequestTurns.large`. */
  large(work: () => Promise<void>): Promise<void> {
    return this.#deps.turns.large(this.#userId, this, work)
  }

  /** Charges what a replay has sent. */
  chargeNotices(count: number): void {
    const cost = Math.floor(count / NOTICES_PER_REQUEST)
    this.#budget.charge(cost)
    this.#userBudget().charge(cost)
  }

  /** To be called once the connection is closed. */
  end(): void {
    this.#deps.turns.leave(this.#userId, this)
  }

  #userBudget(): TokenBucket {
    return this.#deps.userBudgets.of(this.#userId)
  }

  /** Throws TOO_MANY_REQUESTS if a request exceeds the limits of the connection or of its user. */
  #charge(cost: number): void {
    if (!this.#budget.tryTake(cost) || !this.#userBudget().tryTake(cost)) {
      this.#transport.rest()
      throw new GatewayError('TOO_MANY_REQUESTS')
    }
    if (this.#pending > MAX_PENDING_REQUESTS) throw new GatewayError('TOO_MANY_REQUESTS')
  }
}
