import type { MemberNotice, Notice } from '../notice.ts'
import { isSamePosition } from '../position.ts'
import type { Position } from '../position.ts'
import type { Room } from '../room.ts'
import type { ClientError, ClientEvents, RoomGap, SubscriptionEvents } from './api.ts'
import { Attempts } from './attempts.ts'
import { Call } from './call.ts'
import type { Handover } from './call.ts'
import { copyOf } from './copy.ts'
import type { Failure } from './attempts.ts'
import { goneIf } from './epochs.ts'
import { HandlerFailed, tellGap, Telling } from './gap.ts'
import type { Gap } from './gap.ts'
import { ListenerQueue } from './listener-queue.ts'
import type { Item } from './listener-queue.ts'
import { Emitter } from './listeners.ts'
import type { ListenerState } from './room-summary.ts'
import { thrownText } from './thrown.ts'

const FAILED = { listener: 'a listener failed', load: '`load` failed', gap: 'a gap is not dealt with' }

export interface RoomListenerOptions {
  readonly room: Room
  readonly onNotice: (notice: Notice | MemberNotice) => unknown
  readonly load: ((position: Position) => unknown) | undefined
  /** The call in which it was made, or which its maker has just abandoned. */
  readonly handover: Handover | undefined
  /** Of the client: its handlers of gaps are told, and failures emitted. */
  readonly clientEvents: Emitter<ClientEvents>
  /** Its place has moved. */
  readonly onMoved: () => void
  /** It has handled everything it took, and takes more again. */
  readonly onDrained: () => void
  /** Its state may have changed. */
  readonly onChange: () => void
}

/**
 * One listener of a room, with a place of its own in the room's log. What it has taken waits in its queue, so that one that
 * throws or never finishes delays only itself.
 */
export class RoomListener {
  /** Of the subscription. */
  readonly events = new Emitter<SubscriptionEvents>()
  readonly load: RoomListenerOptions['load']
  /** After the last item taken; undefined as long as it starts from now, wherever that will be. */
  taken: Position | undefined
  /** Where it began: it has covered everything since. Undefined if everything before is covered too, because it loads. */
  start: Position | undefined
  /** Whether a node has confirmed where it began. */
  isProved = false
  /** Whether only the application says where it is, so that it proves nothing if a node does not know that. */
  isClaimed = false
  /** Whether it waits for the position store. */
  awaitsStart = false
  /** Whether the stored position, at which it was to begin, is unreadable. */
  isUnreadable = false
  /** Whether it began at the room's place of that moment, and has dealt with nothing yet. */
  isNewcomer = false
  hasLeft = false
  isFull = false
  handover: Handover | undefined
  #place: Position | undefined
  readonly #options: RoomListenerOptions
  readonly #queue: ListenerQueue
  #current: Attempts | undefined
  #call: Call | undefined
  #isRunning = false

  constructor(options: RoomListenerOptions) {
    this.#options = options
    this.#queue = new ListenerQueue(options.onChange)
    this.load = options.load
    this.handover = options.handover
  }

  /** After the last item it has dealt with. */
  get place(): Position | undefined {
    return this.#place
  }

  /** What it has taken and not dealt with, oldest first. */
  get queue(): readonly Item[] {
    return this.#queue.items
  }

  /** Its call that is running. */
  get call(): Call | undefined {
    return this.#call?.isPending === true ? this.#call : undefined
  }

  /** Its state, if it is known whether it has received everything that the room has. */
  stateWhen(hasReceivedAll: boolean): ListenerState {
    const { hasDebt, isLate, reason } = this.#queue
    if (this.load !== undefined && (this.#place === undefined || hasDebt)) return { state: 'loading', reason }
    return { state: hasReceivedAll && !isLate ? 'live' : 'catching-up', reason }
  }

  /** Begins at a position, with nothing to do for it. */
  beginAt(position: Position): void {
    this.taken = position
    this.start = position
    this.#place = position
  }

  /** Begins with the load of the state at a position. */
  beginWithLoad(load: (position: Position) => unknown, position: Position): void {
    this.isProved = true
    this.take({ position, load }, true)
  }

  /** Owes an answer to a gap before it continues. */
  owe(gap: Gap): void {
    this.isProved = true
    // From here on, its place is one that a node gave it.
    this.isClaimed = false
    this.take({ position: gap.value.position, gap, told: new Telling(gap.value) }, true)
  }

  /** The log went back, and has this epoch: all places in it are gone. */
  retire(epoch: string): void {
    this.taken = goneIf(epoch, this.taken)
    this.start = goneIf(epoch, this.start)
    this.#place = goneIf(epoch, this.#place)
    this.#queue.retire(epoch)
  }

  /** `isLate`: it was missed before. */
  take(item: Item, isLate: boolean): void {
    this.#enqueue([item], isLate)
    this.taken = item.position
  }

  /**
   * Takes over what another left unfinished: it follows `place`. `items` are those before its own, or all there are if `taken`
   * says where they end.
   */
  inherit(place: Position, items: readonly Item[], taken = this.taken): void {
    const own = this.#queue.clear()
    this.taken = taken
    this.start = place
    this.#place = place
    const told = (item: Item): Item => ('gap' in item ? { ...item, told: new Telling(item.gap.value) } : item)
    this.#enqueue([...items.map(told), ...own], true)
  }

  /** What waits was taken before the connection or the subscription was lost, or while delivery was in doubt. */
  markLate(): void {
    this.#queue.markLate()
  }

  /** Tells a gap again at once: a handler has come. */
  retryGap(): void {
    const [item] = this.queue
    if (item !== undefined && 'gap' in item) this.#current?.retryNow()
  }

  /** Reloads at once: what made a reload fail is most likely over. */
  retryReload(): void {
    const [item] = this.queue
    if (item !== undefined && !('notice' in item)) this.#current?.retryNow()
  }

  /** It is not called again, and its place moves no more. Returns what it left unfinished. */
  leave(): readonly Item[] {
    this.hasLeft = true
    this.#current?.cancel()
    this.events.clear()
    return this.#queue.clear()
  }

  #enqueue(items: readonly Item[], isLate: boolean): void {
    this.#queue.push(items)
    if (isLate) this.#queue.markLate()
    if (this.#queue.isFull) this.isFull = true
    // Later: no code of the application runs while the client takes in what the node sends.
    if (this.#current === undefined && !this.#isRunning) queueMicrotask(() => this.#run())
  }

  #run(): void {
    if (this.#isRunning) return
    this.#isRunning = true
    for (let [item] = this.queue; item !== undefined && this.#current === undefined; [item] = this.queue)
      this.#dealWith(item)
    this.#isRunning = false
    this.#queue.watch()
  }

  #dealWith(item: Item): void {
    this.isNewcomer = false
    const attempts = new Attempts({
      run: () => {
        if ('notice' in item) return this.#tell(item.notice, item.position)
        return 'gap' in item ? this.#tellGap(item.gap, item.told) : item.load(item.position)
      },
      onFailed: (failure) => this.#onFailed(item, failure),
      onDone: () => this.#onDone(),
    })
    this.#current = attempts
    attempts.start()
  }

  #tell(notice: Notice | MemberNotice, position: Position): unknown {
    const { handover } = this
    this.handover = undefined
    if (handover !== undefined && isSamePosition(handover.call.position, position))
      return handover.call
        .returns(handover.withinMs)
        .then((isDone) => (isDone || this.hasLeft ? undefined : this.#tell(notice, position)))
    const call = new Call(position)
    this.#call = call
    return call.run(() => this.#options.onNotice(notice))
  }

  #tellGap(gap: Gap, told: Telling): Promise<void> {
    const common = this.#options.clientEvents.listeners('gap')
    const loads = this.load === undefined ? [] : [this.#loadAfterGap]
    return tellGap(gap, common, told, [...this.events.listeners('gap'), ...loads])
  }

  readonly #loadAfterGap = ({ position }: RoomGap): unknown => this.load?.(position)

  #onFailed(item: Item, failure: Failure): void {
    const { room, clientEvents, onChange } = this.#options
    const { error: thrown, ...rest } = failure
    const isOfLoad =
      'load' in item || (thrown instanceof HandlerFailed && thrown.handler === this.#loadAfterGap)
    const source = 'notice' in item ? 'listener' : isOfLoad ? 'load' : 'gap'
    const error = thrown instanceof HandlerFailed ? thrown.cause : thrown
    // That of the first attempt: the state does not change with each of them.
    this.#queue.markLate(rest.attempt === 1 ? `${FAILED[source]}: ${thrownText(error)}` : undefined)
    onChange()
    if (this.hasLeft) return
    clientEvents.emit('error', {
      source,
      error,
      room,
      ...('notice' in item && { notice: copyOf(item.notice) as NonNullable<ClientError['notice']> }),
      ...rest,
    })
  }

  /**
   * The only way in which a place moves: the function has returned, and the listener is still subscribed; or the application
   * has skipped the item.
   */
  #onDone(): void {
    this.#current = undefined
    const item = this.#queue.shift()
    if (item === undefined) return
    this.#place = item.position
    // Whatever was before is in what was loaded.
    if (!('notice' in item)) this.start = undefined
    const isDrained = this.#queue.isEmpty
    const wasFull = isDrained && this.isFull
    if (isDrained) this.isFull = false
    this.#options.onMoved()
    if (wasFull) this.#options.onDrained()
    if (isDrained) this.#options.onChange()
    this.#run()
  }
}
