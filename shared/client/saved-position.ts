import { Backoff } from '../backoff.ts'
import { isPosition, plain } from '../position.ts'
import type { Position } from '../position.ts'
import { Epochs, goneIf } from './epochs.ts'
import type { PositionStore } from './position-store.ts'
import { settle } from './store-call.ts'

/** How often a save may fail once nobody follows the room any more. */
const MAX_LAST_FAILURES = 5

/** What was stored; undefined if nothing was. */
export type Stored = Position | 'unreadable' | undefined

/** Receives what a store threw: which attempt it was, and when it is tried again. */
export type OnStoreError = (error: unknown, attempt: number, retryInMs?: number) => void

interface Owner {
  readonly position: Position
  readonly onError: OnStoreError
}

const savedByStore = new WeakMap<PositionStore, Map<string, SavedPosition>>()

/**
 * The position of one room in one store. Clients that share the store object share this: the position is the least of
 * theirs, and only ever moves forward, unless the log itself goes back.
 */
export class SavedPosition {
  readonly #store: PositionStore
  readonly #room: string
  readonly #epochs = new Epochs()
  readonly #backoff = new Backoff()
  /** The clients that follow the room, and how far each is. */
  readonly #owners = new Map<object, Owner>()
  /** The clients that wait for what is stored, or have not dealt with it yet: it could not be read. */
  readonly #waiting = new Set<object>()
  /** What is stored, or is to be. */
  #target: Position | undefined
  /** Whether it is still to be saved. */
  #isDue = false
  /** Of the client that left last. */
  #onError: OnStoreError | undefined
  /** In this epoch the log went back: what is stored may be further, and out of date. */
  #retired: string | undefined
  #failures = 0
  /** With so many, nothing is tried again, unless the room is followed. */
  #maxFailures = 0
  #isSaving = false
  /** How many saves have not settled in time. */
  #overdue = 0
  #retryTimer: ReturnType<typeof setTimeout> | undefined
  readonly #whenIdle = new Set<() => void>()

  constructor(store: PositionStore, room: string) {
    this.#store = store
    this.#room = room
  }

  static of(store: PositionStore, room: string): SavedPosition {
    const rooms = savedByStore.get(store) ?? new Map<string, SavedPosition>()
    savedByStore.set(store, rooms)
    const saved = rooms.get(room) ?? new SavedPosition(store, room)
    rooms.set(room, saved)
    return saved
  }

  /**
   * Loads what is stored, once saves under way have ended; in this turn, if that is possible. Errors are reported. From then
   * on, no other client stores anything before it is known, or more than that until this one has come as far.
   */
  load(client: object, onLoaded: (stored: Stored) => void, onError: OnStoreError): void {
    this.#waiting.add(client)
    if (this.#owners.size > 0) this.#forgetDue()
    if (this.#isSaving) return void this.#whenIdle.add(() => this.load(client, onLoaded, onError))
    settle(
      () => this.#store.load(this.#room),
      (value) => {
        const stored = value === undefined || value === null ? undefined : checked(value)
        if (typeof stored === 'object') {
          this.#epochs.hear(stored.epoch)
          if (!this.#owners.has(client)) this.#owners.set(client, { position: stored, onError })
          this.#target ??= stored
        }
        if (stored !== 'unreadable') this.#waiting.delete(client)
        onLoaded(stored)
        this.#advance()
      },
      (error) => {
        onError(error, 1)
        onLoaded('unreadable')
      },
    )
  }

  /** Notes how far a client is, and stores the least position of all of them if it is after the one before. */
  report(client: object, position: Position, onError: OnStoreError): void {
    this.#epochs.hear(position.epoch)
    this.#owners.set(client, { position, onError })
    this.#waiting.delete(client)
    this.#advance()
  }

  /**
   * The log went back, and has this epoch: what all clients know of it is gone, and that is stored. Whoever begins there receives a
   * gap.
   */
  retire(epoch: string): void {
    this.#epochs.renew(epoch)
    this.#retired = epoch
    for (const [client, { position, onError }] of this.#owners)
      this.#owners.set(client, { position: goneIf(epoch, position), onError })
    this.#target = undefined
    this.#advance()
  }

  #advance(): void {
    if (this.#waiting.size > 0) return
    const least = this.#epochs.least([...this.#owners.values()].map((owner) => owner.position))
    if (least === undefined || !(this.#isDue || this.#epochs.isAfter(least, this.#target))) return
    this.#target = least
    this.#isDue = true
    this.#saveDue()
  }

  /** Another client may begin further back. */
  #forgetDue(): void {
    if (!this.#isDue) return
    this.#isDue = false
    this.#target = undefined
  }

  #saveDue(): void {
    if (!this.#isDue || this.#target === undefined || this.#isSaving || this.#retryTimer !== undefined) return
    this.#isDue = false
    this.#compareAndSave(this.#target)
  }

  /** The client follows the room no longer, and stores nothing more. If it was the last, what is due is saved now. */
  release(client: object): void {
    this.#onError = this.#owners.get(client)?.onError ?? this.#onError
    this.#owners.delete(client)
    this.#waiting.delete(client)
    if (this.#isInUse) return
    // The page may be about to go.
    clearTimeout(this.#retryTimer)
    this.#retryTimer = undefined
    this.#maxFailures = this.#failures + MAX_LAST_FAILURES
    this.#saveDue()
    this.#forgetIfIdle()
  }

  get #isInUse(): boolean {
    return this.#owners.size + this.#waiting.size > 0
  }

  #forgetIfIdle(): void {
    if (this.#isInUse || this.#isSaving || this.#retryTimer !== undefined || this.#overdue > 0) return
    const rooms = savedByStore.get(this.#store)
    if (rooms?.get(this.#room) === this) rooms.delete(this.#room)
  }

  /** Not if somebody else has stored a later one. What cannot be loaded cannot be compared, and is replaced. */
  #compareAndSave(position: Position): void {
    this.#isSaving = true
    const isBehind = (stored: unknown): boolean =>
      isPosition(stored) &&
      stored.epoch === position.epoch &&
      stored.epoch !== this.#retired &&
      stored.offset >= position.offset
    settle(
      () => this.#store.load(this.#room),
      (stored) => (isBehind(stored) ? this.#onSaved() : this.#save(position)),
      () => this.#save(position),
    )
  }

  #save(position: Position): void {
    settle(
      () => this.#store.save(this.#room, position),
      () => this.#onSaved(),
      (error) => this.#onFailed(error),
      {
        onTimeout: () => this.#overdue++,
        onLate: () => {
          this.#overdue--
          // It may have replaced a later one.
          if (!this.#isSaving && this.#target !== undefined) this.#compareAndSave(this.#target)
        },
      },
    )
  }

  #onSaved(): void {
    this.#failures = 0
    this.#backoff.succeeded()
    this.#isSaving = false
    this.#saveDue()
    if (!this.#isSaving) this.#onIdle()
  }

  #onFailed(error: unknown): void {
    this.#isSaving = false
    this.#failures++
    this.#isDue = true
    const clients = [...this.#owners.values()]
    if (clients.length > 0 && this.#waiting.size > 0) this.#forgetDue()
    let retryInMs: number | undefined
    if (this.#isInUse || this.#failures < this.#maxFailures) {
      retryInMs = this.#backoff.nextMs()
      this.#retryTimer = setTimeout(() => this.#retry(), retryInMs)
    } else this.#forgetDue()
    if (clients.length === 0) this.#onError?.(error, this.#failures, retryInMs)
    for (const { onError } of clients) onError(error, this.#failures, retryInMs)
    this.#onIdle()
  }

  #retry(): void {
    this.#retryTimer = undefined
    this.#advance()
    this.#saveDue()
  }

  #onIdle(): void {
    this.#forgetIfIdle()
    const waiting = [...this.#whenIdle]
    this.#whenIdle.clear()
    for (const resume of waiting) resume()
  }
}

const checked = (stored: unknown): Stored => (isPosition(stored) ? plain(stored) : 'unreadable')
