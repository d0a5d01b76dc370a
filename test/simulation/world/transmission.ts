import { world } from './world.ts'
import type { Network } from './network.ts'
import { OUTSIDE } from './schedule.ts'
import type { SimProcess } from './schedule.ts'

/** As Linux does: what is not acknowledged is sent again after 200 ms, then twice that, and given up after 15 min. */
const [FIRST_RETRY_MS, MAX_RETRY_MS, MAX_RETRIES] = [200, 120_000, 15]
export const retryMs = (attempt: number): number => Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** attempt)

export type Failure = 'ECONNRESET' | 'ECONNREFUSED' | 'ETIMEDOUT' | 'EPIPE'

export type Segment = Buffer | 'end' | 'reset'

/** An end of a connection, as what is sent to it sees it. */
export interface End {
  readonly owner: SimProcess
  readonly peer: End | undefined
  /** Its machine has no power. */
  readonly isDark: boolean
  /** This connection alone: what either end sends is lost, and nobody is told. */
  readonly isLost: boolean
  /** Its machine had no power since the connection began, and knows nothing of it. */
  readonly isForgotten: boolean
  /** These have arrived, all at one time. */
  arrive(segments: readonly Segment[]): void
  /** The connection is gone. */
  fail(failure: Failure): void
}

interface Unacknowledged {
  readonly segment: Segment
  /** It was the acknowledgement that was lost. */
  isDelivered: boolean
}

/** What one end sends to the other: it arrives in order, if need be after having been sent again. */
export class Transmission {
  readonly #network: Network
  readonly #end: End
  #lastArrivalMs = 0
  #arriving: Segment[] = []
  #unacknowledged: Unacknowledged[] = []
  #attempt = 0

  constructor(network: Network, end: End) {
    this.#network = network
    this.#end = end
  }

  send(segment: Segment): void {
    const isBehind = this.#unacknowledged.some(({ isDelivered }) => !isDelivered)
    const isDelivered = !isBehind && this.#passes
    if (isDelivered) this.#deliver(segment)
    if ((isDelivered && this.#isAnswered) || segment === 'reset') return
    this.#keep({ segment, isDelivered })
  }

  /** What was on the way did not arrive. */
  wasLost(segment: Segment): void {
    this.#keep({ segment, isDelivered: false })
  }

  /** Sends nothing again. */
  forget(): void {
    this.#unacknowledged = []
  }

  /** Whether what is sent would arrive, and its acknowledgement too. */
  get isReachable(): boolean {
    return this.#passes && this.#isAnswered
  }

  #keep(one: Unacknowledged): void {
    this.#unacknowledged.push(one)
    if (this.#unacknowledged.length === 1) this.#retry()
  }

  #deliver(segment: Segment): void {
    const { owner, peer } = this.#end
    if (peer === undefined) return
    const { latencyMs } = this.#network.lineBetween(owner, peer.owner)
    const atMs = Math.max(this.#lastArrivalMs, world.schedule.nowMs + latencyMs(sizeOf(segment)) / 2)
    // What arrives at one time is one event: a process that looks sees all of it.
    if (atMs === this.#lastArrivalMs && this.#arriving.length > 0) return void this.#arriving.push(segment)
    const arriving = [segment]
    this.#arriving = arriving
    this.#lastArrivalMs = atMs
    world.schedule.at(atMs, OUTSIDE, () => {
      if (this.#arriving === arriving) this.#arriving = []
      peer.arrive(arriving)
    })
  }

  get #passes(): boolean {
    const { isDark, peer } = this.#end
    return peer !== undefined && !peer.isDark && !peer.isForgotten && !isDark && this.#isOpen(this.#end, peer)
  }

  get #isAnswered(): boolean {
    const { peer } = this.#end
    return peer !== undefined && this.#isOpen(peer, this.#end)
  }

  #isOpen(from: End, to: End): boolean {
    return !from.isLost && !to.isLost && !this.#network.lineBetween(from.owner, to.owner).isSwallowed
  }

  #retry(): void {
    world.schedule.after(retryMs(this.#attempt), OUTSIDE, () => {
      const end = this.#end
      const { peer } = end
      if (this.#unacknowledged.length === 0 || end.isDark || peer === undefined) return
      if (peer.isForgotten && !peer.isDark && this.#isOpen(end, peer)) return this.#giveUp('ECONNRESET')
      if (this.#passes)
        for (const one of this.#unacknowledged) {
          if (!one.isDelivered) this.#deliver(one.segment)
          one.isDelivered = true
        }
      if (this.isReachable) {
        this.#unacknowledged = []
        this.#attempt = 0
      } else if (++this.#attempt > MAX_RETRIES) this.#giveUp('ETIMEDOUT')
      else this.#retry()
    })
  }

  #giveUp(failure: Failure): void {
    this.#unacknowledged = []
    this.#attempt = 0
    this.#end.fail(failure)
  }
}

const sizeOf = (segment: Segment): number => (typeof segment === 'string' ? 0 : segment.length)
