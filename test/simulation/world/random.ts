/** Numbers that look random and are the same for the same seed (xoshiro128**). */
export class Random {
  readonly #state: Uint32Array

  constructor(seed: number) {
    this.#state = new Uint32Array(4)
    let x = seed >>> 0
    for (let i = 0; i < 4; i++) {
      x = (x + 0x9e3779b9) >>> 0
      let z = x
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
      this.#state[i] = z ^ (z >>> 16)
    }
  }

  /** A whole number below 2^32. */
  uint32(): number {
    const s = this.#state
    const [a = 0, b = 0, c = 0, d = 0] = s
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0
    const t = b << 9
    s[2] = c ^ a
    s[3] = d ^ b
    s[1] = b ^ (s[2] ?? 0)
    s[0] = a ^ (s[3] ?? 0)
    s[2] = (s[2] ?? 0) ^ t
    s[3] = rotate(s[3] ?? 0, 11)
    return result
  }

  /** At least 0 and below 1. */
  fraction(): number {
    return this.uint32() / 2 ** 32
  }

  /** A whole number, at least 0 and below `end`. */
  below(end: number): number {
    return Math.floor(this.fraction() * end)
  }

  between(from: number, until: number): number {
    return from + this.fraction() * (until - from)
  }

  chance(probability: number): boolean {
    return this.fraction() < probability
  }

  pick<T>(values: readonly [T, ...T[]] | readonly T[]): T {
    return values[this.below(values.length)] as T
  }

  bytes(target: Uint8Array): void {
    for (let i = 0; i < target.length; i++) target[i] = this.uint32() & 0xff
  }

  /** Another one, so that what draws from it does not disturb what draws from this one. */
  fork(): Random {
    return new Random(this.uint32())
  }
}

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by))
