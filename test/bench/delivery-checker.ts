/** Counts of deliveries, by outcome. */
export interface Tally {
  delivered: number
  duplicated: number
  outOfOrder: number
  misrouted: number
}

export const emptyTally = (): Tally => ({ delivered: 0, duplicated: 0, outOfOrder: 0, misrouted: 0 })

/** How far a socket has come in the order of its room. */
export interface Cursor {
  next: number
  /** Recalls before `next` that the socket has not received. */
  skipped: Set<number> | undefined
}

/**
 * Compares the deliveries of one room with each other. The first socket that receives a recall determines its place in
 * the order, and every other socket must receive it there. A correct delivery costs one comparison.
 */
export class DeliveryChecker {
  readonly #order: number[] = []
  readonly #places = new Map<number, number>()

  /** Returns the cursor of a socket that receives everything from now on. */
  cursor(): Cursor {
    return { next: this.#order.length, skipped: undefined }
  }

  record(cursor: Cursor, seq: number, tally: Tally): void {
    const isNext = this.#order[cursor.next] === seq
    if (!isNext) return this.#recordOther(cursor, seq, tally)
    cursor.next++
    tally.delivered++
  }

  #recordOther(cursor: Cursor, seq: number, tally: Tally): void {
    const place = this.#places.get(seq) ?? this.#append(seq)
    if (place >= cursor.next) {
      for (const skipped of this.#order.slice(cursor.next, place)) (cursor.skipped ??= new Set()).add(skipped)
      cursor.next = place + 1
      tally.delivered++
    } else if (cursor.skipped?.delete(seq) === true) {
      tally.delivered++
      tally.outOfOrder++
    } else tally.duplicated++
  }

  #append(seq: number): number {
    this.#places.set(seq, this.#order.length)
    return this.#order.push(seq) - 1
  }
}
