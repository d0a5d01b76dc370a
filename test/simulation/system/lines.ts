import type { Random } from '../world/random.ts'
import { world } from '../world/world.ts'
import type { Line, Network } from '../world/network.ts'

export interface MutableLine extends Line {
  /** Added to the latency, in ms. */
  extraMs: number
  /** How much it carries: what is sent at once takes longer, one after the other. */
  bytesPerMs: number
}

/** The lines between the parts of the system, whichever life of them: `receiver-1`, `node-2`, `redis`, `user-1`, `provider`. */
export class Lines {
  readonly #lines = new Map<string, Map<string, MutableLine>>()
  readonly #random: Random
  readonly #latencyMs: number

  constructor(network: Network, random: Random, latencyMs: number) {
    this.#random = random
    this.#latencyMs = latencyMs
    network.lineBetween = (from, to) => this.between(from.part, to.part)
  }

  between(from: string, to: string): MutableLine {
    const ofFrom = this.#lines.get(from) ?? new Map<string, MutableLine>()
    this.#lines.set(from, ofFrom)
    const known = ofFrom.get(to)
    if (known) return known
    let freeAtMs = 0
    const carryMs = (bytes: number): number => {
      const { nowMs } = world.schedule
      freeAtMs = Math.max(freeAtMs, nowMs) + bytes / line.bytesPerMs
      return freeAtMs - nowMs
    }
    const line: MutableLine = {
      // Half of it is for the way there.
      latencyMs: (bytes = 0) =>
        this.#latencyMs * this.#random.between(0.5, 1.5) + line.extraMs + 2 * carryMs(bytes),
      extraMs: 0,
      bytesPerMs: Infinity,
      isSwallowed: false,
      isRefused: false,
    }
    ofFrom.set(to, line)
    return line
  }

  /** Both directions between two parts. */
  pair(one: string, other: string): readonly MutableLine[] {
    return [this.between(one, other), this.between(other, one)]
  }

  heal(): void {
    for (const lines of this.#lines.values())
      for (const line of lines.values())
        Object.assign(line, { extraMs: 0, isSwallowed: false, isRefused: false })
  }
}
