import { Backoff } from '../backoff.ts'
import { isSamePosition } from '../position.ts'
import type { GapReason, Position } from '../position.ts'
import type { NoticeBatch, Refused, SubscribeRequest, Subscribed } from '../protocol.ts'
import { roomName } from '../room.ts'
import type { Room } from '../room.ts'
import { enterListeners } from './entering.ts'
import type { Entered } from './entering.ts'
import { Gap } from './gap.ts'
import { handOn } from './handover.ts'
import type { Ledger } from './ledger.ts'
import type { RoomListener } from './room-listener.ts'
import { furtherFromLive } from './room-summary.ts'
import type { ListenerState, RoomSummary } from './room-summary.ts'
import { RoomStream } from './room-stream.ts'
import type { Stored } from './saved-position.ts'

/**
 * A room that a client follows. There is one subscription for all of its listeners: it begins at the least place of those
 * that can take more, and each takes only what follows its own place.
 */
export class FollowedRoom {
  readonly room: Room
  readonly name: string
  readonly ledger: Ledger
  /** For subscribe requests. */
  readonly backoff = new Backoff()
  /** Why the gateway refused the latest subscribe request, or ended the subscription. */
  refusal: Pick<Refused, 'code' | 'message' | 'retry'> | undefined
  /** Whether a subscribe request is queued or in flight. */
  isSubscribing = false
  /** Cancels what the room waits for before it subscribes again. */
  #cancel: (() => void) | undefined
  readonly #listeners = new Set<RoomListener>()
  readonly #stream = new RoomStream()
  /** `since` of the latest request. */
  #asked: Position | undefined
  /** The same, if a node gave it to a client before: if no node knows it any more, the log went back. */
  #earned: Position | undefined
  /** The states of the listeners when they were announced last. */
  #announced: string | undefined

  constructor(room: Room, ledger: Ledger) {
    this.room = room
    this.name = roomName(room)
    this.ledger = ledger
  }

  get listeners(): readonly RoomListener[] {
    return [...this.#listeners]
  }

  get hasListeners(): boolean {
    return this.#listeners.size > 0
  }

  get isSubscribed(): boolean {
    return this.#stream.isOpen
  }

  /** Whether any listener can take what the node sends. */
  get canTake(): boolean {
    return this.#takers.length > 0
  }

  /** Whether every listener that can take more has received all that it missed. */
  get hasRecovered(): boolean {
    return this.#takers.every((listener) => this.#stream.hasAllBeenTakenBy(listener))
  }

  /** Refused, and the same credential will be refused again. */
  get isRefused(): boolean {
    return this.refusal?.retry === false
  }

  /** Subscribed, subscribing, or scheduled to subscribe. */
  get isActive(): boolean {
    return this.isSubscribed || this.isSubscribing || this.#cancel !== undefined
  }

  /** Of one listener, or of the one that is furthest from live. */
  summary(listener?: RoomListener): RoomSummary {
    const { room, refusal } = this
    if (this.isRefused) return { room, state: 'refused', refusal }
    let worst: ListenerState | undefined
    for (const each of listener === undefined ? this.#listeners : [listener])
      worst = furtherFromLive(worst, each.stateWhen(this.#stream.hasAllBeenTakenBy(each)))
    return { state: 'live', ...worst, room, refusal }
  }

  /** The states of all listeners are announced now. Returns whether any has changed since the last time, or may have. */
  onAnnounced(): boolean {
    const summaries = this.listeners.map((listener) => this.summary(listener))
    const states = summaries.map(({ state, reason = '' }) => `${state} ${reason}`).join()
    const hasChanged = states !== this.#announced
    this.#announced = states
    return hasChanged
  }

  /**
   * Adds a listener. It begins where `since` says, with its load, where one that left is owed something, or now; as long as no
   * listener has a place, where the position store says; and where the client was, if what came since is only to be loaded. Calls
   * `onBegun` if the room must be subscribed, again, for it.
   */
  add(listener: RoomListener, since: Position | undefined, onBegun: () => void): void {
    this.#listeners.add(listener)
    const { latest } = this.#stream
    const { owed, earned } = this.ledger
    if (since !== undefined) {
      listener.beginAt(since)
      listener.isClaimed = true
    } else if (listener.load !== undefined) {
      if (this.isSubscribed && latest !== undefined) return listener.beginWithLoad(listener.load, latest)
    } else if (owed !== undefined) {
      listener.beginAt(owed)
      this.ledger.settle()
    } else if (latest === undefined || earned === undefined) {
      listener.awaitsStart = true
      return this.ledger.open((stored) => this.#begin(stored, onBegun))
    } else if (!this.ledger.isCovered(earned, this.#listeners)) {
      listener.beginAt(earned)
    } else {
      listener.beginAt(latest)
      listener.isProved = true
      listener.isNewcomer = true
      if (this.isActive) return
    }
    onBegun()
  }

  #begin(stored: Stored, onBegun: () => void): void {
    for (const listener of this.#listeners) {
      if (!listener.awaitsStart) continue
      listener.awaitsStart = false
      if (stored === 'unreadable') listener.isUnreadable = true
      else if (stored !== undefined) listener.beginAt(stored)
    }
    onBegun()
  }

  /**
   * Returns whether the room must be subscribed again. What the listener leaves unfinished goes to those that came meanwhile,
   * or is owed to the next.
   */
  remove(listener: RoomListener): boolean {
    this.#listeners.delete(listener)
    const { call } = listener
    const unfinished = listener.leave()
    if (call !== undefined) this.ledger.abandon(call)
    const hasUnfinished = unfinished.length > 0 || !isSamePosition(listener.taken, this.#stream.latest)
    const isBehind =
      hasUnfinished && handOn({ from: listener, unfinished, call }, this.listeners, this.ledger)
    this.ledger.update(this.#listeners)
    return isBehind
  }

  /** The next request: from the least place, unless a node has yet to confirm one. */
  nextRequest(): SubscribeRequest {
    const takers = this.#takers
    this.#asked = this.#stream.nextStart(takers)
    this.#earned = takers.find(
      ({ taken, isClaimed }) => !isClaimed && isSamePosition(taken, this.#asked),
    )?.taken
    return this.#asked === undefined ? this.room : { ...this.room, since: this.#asked }
  }

  /** Takes in the response to the latest request. Returns who has missed something, and whether somebody needs another. */
  enter({ position, recovered, gap }: Subscribed): Entered {
    this.refusal = undefined
    const asked = this.#asked
    const from = asked === undefined || gap !== undefined ? position : asked
    this.#compare(position, gap, this.#earned)
    // After a gap, it is where the notices begin that follow.
    this.#stream.open(from, position.offset + (gap === undefined ? 0 : recovered))
    const entry = { room: this.room, asked, from, position, gap }
    const { missed, asksAgain } = enterListeners(this.#takers, entry)
    if (!asksAgain) this.backoff.succeeded()
    this.ledger.update(this.#listeners)
    return { missed, asksAgain }
  }

  /** The node does not understand `since`, whatever it is. Returns whether a request without it may do better. */
  forgetAsked(): boolean {
    const asked = this.#asked
    if (asked === undefined) return false
    for (const listener of this.#listeners) {
      if (!isSamePosition(listener.taken, asked)) continue
      listener.taken = undefined
      listener.isUnreadable = true
    }
    return true
  }

  /** The subscription is over. */
  leave(): void {
    this.#stream.end()
    this.#announced = undefined
    for (const listener of this.#listeners) listener.markLate()
  }

  /**
   * Looks whether the log went back: it has an epoch that was replaced, or does not know a place that a client had `earned`. Then
   * whoever was in this epoch before must receive a gap, whatever the log has by then.
   */
  #compare(position: Position, gap: GapReason | undefined, earned: Position | undefined): void {
    const { epoch } = position
    if (!this.ledger.hear(epoch, gap === 'epoch-changed' && earned?.epoch === epoch)) return
    this.#earned = undefined
    this.#stream.skipTo(position)
    for (const listener of this.#listeners) listener.retire(epoch)
  }

  /** Takes in a gap. Returns false if it contradicts what was received: subscribe again. */
  skipTo(reason: GapReason, position: Position): boolean {
    const takers = this.#takers.filter(({ taken }) => taken !== undefined)
    this.#compare(position, reason, this.#stream.latest)
    if (takers.some(({ taken }) => taken?.epoch === position.epoch && taken.offset > position.offset))
      return false
    const gap = new Gap({ room: this.room, reason, position })
    this.#stream.skipTo(position)
    for (const listener of takers) listener.owe(gap)
    return true
  }

  /** Queues what follows for each listener. Returns 'hole' if something is missing for one: subscribe again. */
  receive(batch: NoticeBatch): 'ok' | 'hole' {
    if (!this.isActive || !this.#stream.give(batch, this.#takers)) return 'ok'
    // On its way since an earlier subscription: what follows is as good as ever, the next response brings the rest.
    return this.isSubscribed && !this.isSubscribing ? 'hole' : 'ok'
  }

  /** Notes what the room waits for before it subscribes again, by the function that cancels it. Replaces the one before. */
  waitFor(cancel: () => void): void {
    this.cancel()
    this.#cancel = cancel
  }

  cancel(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  /** Those that take what the node sends: not those that are far behind, or wait for the position store. */
  get #takers(): readonly RoomListener[] {
    return this.listeners.filter(({ isFull, awaitsStart }) => !isFull && !awaitsStart)
  }
}
