/** What came of deliveries. */
export interface Tally {
  delivered: number
  duplicated: number
  outOfOrder: number
  misrouted: number
}

export const emptyTally = (): Tally => ({ delivered: 0, duplicated: 0, outOfOrder: 0, misrouted: 0 })

/** How far a socket is in the order of its room. */
export interface Seat {
  next: number
  /** What the room had before `next`, and the socket has not. */
  skipped: Set<number> | undefined
}

/**
 * Holds the deliveries in one room against each other: the first socket that gets a recall gives it its place, and every
 * other one must get it there. So a delivery that is as it should be costs one comparison.
 */
export class RoomLedger {
  readonly #order: number[] = []
  readonly #places = new Map<number, number>()

  /** Of a socket that gets all from now on. */
  seat(): Seat {
    return { next: this.#order.length, skipped: undefined }
  }

  note(seat: Seat, seq: number, tally: Tally): void {
    const isNext = this.#order[seat.next] === seq
    if (!isNext) return this.#noteOther(seat, seq, tally)
    seat.next++
    tally.delivered++
  }

  #noteOther(seat: Seat, seq: number, tally: Tally): void {
    const place = this.#places.get(seq) ?? this.#append(seq)
    if (place >= seat.next) {
      for (const skipped of this.#order.slice(seat.next, place)) (seat.skipped ??= new Set()).add(skipped)
      seat.next = place + 1
      tally.delivered++
    } else if (seat.skipped?.delete(seq) === true) {
      tally.delivered++
      tally.outOfOrder++
    } else tally.duplicated++
  }

  #append(seq: number): number {
    this.#places.set(seq, this.#order.length)
    return this.#order.push(seq) - 1
  }
}
