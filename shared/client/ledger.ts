import type { Position } from '../position.ts'
import type { Call } from './call.ts'
import { Epochs, goneIf } from './epochs.ts'
import { SavedPosition } from './saved-position.ts'
import type { OnStoreError, Stored } from './saved-position.ts'
import type { PositionStore } from './position-store.ts'

/** A listener that is subscribed: its place, where it began, and whether a node has confirmed that. */
interface Placed {
  readonly place: Position | undefined
  readonly start: Position | undefined
  readonly isProved: boolean
  /** Loads its state, so that it does not depend on what is stored. */
  readonly load?: unknown
}

/**
 * How far a client has got in a room, and what is stored of it: the least place of the listeners that are subscribed, and
 * only ever forward, unless the log itself goes back. Kept when the room is left, so that whoever subscribes next continues there.
 */
export class Ledger {
  readonly #store: PositionStore
  readonly #room: string
  readonly #onError: OnStoreError
  readonly #epochs = new Epochs()
  /** Defined while the client follows the room. */
  #saved: SavedPosition | undefined
  #isReported = false
  #earned: Position | undefined
  /** What the store has said since the room is followed, and who waits for that. */
  #stored: Position | 'unreadable' | 'nothing' | undefined
  #opening: ((start: Stored) => void)[] = []
  /** Where a listener has left in the middle of what nobody else has had: there whoever comes next begins. */
  #owed: Position | undefined
  #abandoned: Call | undefined

  constructor(store: PositionStore, room: string, onError: OnStoreError) {
    this.#store = store
    this.#room = room
    this.#onError = onError
  }

  /** How far the client has got; undefined before any listener has had a place. */
  get earned(): Position | undefined {
    return this.#earned
  }

  /** Where the next listener must begin so that nothing is lost; undefined if it may begin now. */
  get owed(): Position | undefined {
    return this.#owed
  }

  /**
   * A node has named this epoch. If the log had it before another one, or is known to have gone back in it, all places in it are gone,
   * also the stored one, which is replaced at once. Returns whether they are.
   */
  hear(epoch: string, wentBack: boolean): boolean {
    if (!this.#epochs.hear(epoch) && !wentBack) return false
    this.#epochs.renew(epoch)
    this.#earned = goneIf(epoch, this.#earned)
    this.#owed = goneIf(epoch, this.#owed)
    this.#saved?.retire(epoch)
    return true
  }

  /** Calls back with where to begin: what this client knows, or what is stored. The store is read once until `close`. */
  open(onStart: (start: Stored) => void): void {
    const start = this.#earned ?? this.#stored
    if (start !== undefined) return onStart(start === 'nothing' ? undefined : start)
    if (this.#opening.push(onStart) > 1) return
    const saved = (this.#saved ??= SavedPosition.of(this.#store, this.#room))
    const opening = this.#opening
    saved.load(
      this,
      (stored) => {
        if (this.#opening !== opening) return this.#saved === saved ? undefined : saved.release(this)
        this.#stored = stored ?? 'nothing'
        for (const begin of opening.splice(0)) begin(this.#earned ?? stored)
      },
      (...failure) => {
        if (this.#opening === opening) this.#onError(...failure)
      },
    )
  }

  /** The places of listeners have moved, or others listen. */
  update(listeners: Iterable<Placed>): void {
    const placed = [...listeners]
    // What is stored is still to be read, or to be dealt with, by one that begins there.
    if (placed.some(({ place, load }) => place === undefined && load === undefined)) return
    const places = placed.flatMap(({ place }) => place ?? [])
    const least = this.#epochs.least(this.#owed === undefined ? places : [...places, this.#owed])
    if (least === undefined) return
    // Only the application says so, as yet.
    if (placed.some(({ place, isProved }) => place === least && !isProved)) return
    const isForward = this.#epochs.isAfter(least, this.#earned)
    if (isForward) this.#earned = least
    if (this.#earned === undefined || (!isForward && this.#isReported)) return
    this.#isReported = true
    this.#saved ??= SavedPosition.of(this.#store, this.#room)
    this.#saved.report(this, this.#earned, this.#onError)
  }

  /** Whether one of the listeners has had everything after a place. */
  isCovered(after: Position, listeners: Iterable<Placed>): boolean {
    for (const { place, start } of listeners)
      if (place !== undefined && (start === undefined || !this.#epochs.isAfter(start, after))) return true
    return false
  }

  /** The call that a listener has abandoned in this turn by leaving: whoever is made now may have been made by it. */
  get abandoned(): Call | undefined {
    return this.#abandoned
  }

  abandon(call: Call): void {
    this.#abandoned = call
    setTimeout(() => {
      if (this.#abandoned === call) this.#abandoned = undefined
    })
  }

  /** Notes that nobody has had what follows a place. */
  owe(after: Position): void {
    if (this.#owed === undefined || this.#epochs.isAfter(this.#owed, after)) this.#owed = after
  }

  /** A listener begins where one was owed. */
  settle(): void {
    this.#owed = undefined
  }

  /** The client follows the room no longer: it stores nothing more than what it has reported. */
  close(): void {
    this.#saved?.release(this)
    this.#saved = undefined
    this.#isReported = false
    this.#stored = undefined
    this.#opening = []
  }
}
