/** Beyond this, the order that ends first is forgotten. */
const MAX_ORDERS = 100

interface Order {
  /** When it was given. */
  readonly atMs: number
  /** Whether an admin has given the access back. */
  isReturned: boolean
}

/**
 * What admins have ordered about one user and one room, by when it ends: the longest order counts. One that was returned is remembered until
 * its end, because what is stored may be read again, in any order. Times are in ms since 1970.
 */
export class Orders {
  /** Until when access is revoked; 0 if it is not. */
  untilMs = 0
  readonly #byEnd = new Map<number, Order>()

  add(untilMs: number, atMs: number, nowMs: number): void {
    this.#update(untilMs, { atMs, isReturned: this.isReturned(untilMs) }, nowMs)
  }

  /** Ends the order with this end, whether it is known yet or not. */
  return(untilMs: number, nowMs: number): void {
    this.#update(untilMs, { atMs: this.#byEnd.get(untilMs)?.atMs ?? nowMs, isReturned: true }, nowMs)
  }

  isReturned(untilMs: number): boolean {
    return this.#byEnd.get(untilMs)?.isReturned === true
  }

  /** Returns the ends of all orders that count. */
  ends(nowMs: number): number[] {
    return [...this.#byEnd].flatMap(([end, { isReturned }]) => (isReturned || end <= nowMs ? [] : [end]))
  }

  /** Returns when the order was given that counts most. */
  givenAtMs(): number {
    return this.#byEnd.get(this.untilMs)?.atMs ?? 0
  }

  #update(untilMs: number, order: Order, nowMs: number): void {
    for (const end of this.#byEnd.keys()) if (end <= nowMs) this.#byEnd.delete(end)
    if (untilMs > nowMs) this.#byEnd.set(untilMs, order)
    if (this.#byEnd.size > MAX_ORDERS) this.#byEnd.delete(Math.min(...this.#byEnd.keys()))
    this.untilMs = Math.max(0, ...this.ends(nowMs))
  }
}
