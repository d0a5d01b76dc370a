import { nowUs } from './clock.ts'
import { DeliveryChecker, emptyTally } from './delivery-checker.ts'
import type { Cursor, Tally } from './delivery-checker.ts'
import { seqsIn } from './payload-seqs.ts'
import { openRawSocket } from './raw-socket.ts'
import type { RawSocket, SubscribeAck } from './raw-socket.ts'
import { Histogram } from './statistics.ts'

export interface SubscriberPlan {
  /** Ports of the nodes, used in turn. */
  readonly ports: readonly number[]
  readonly sockets: number
  /** Socket i subscribes to room (i mod rooms) + firstRoom, or to every room r with i = r mod sockets. */
  readonly rooms: number
  readonly firstRoom?: number
  /** 1 by default. Otherwise every room has one socket. */
  readonly roomsPerSocket?: number
  /** Whether the sockets subscribe with their handshakes. */
  readonly atOnce?: boolean
  /** One per socket, or one for all. */
  readonly tokens: readonly string[]
  /** Sockets that connect at a time. */
  readonly maxConcurrent?: number
}

/**
 * When recalls are due: seqs `first` to `first + recalls - 1`, the first one at `startUs`.
 * Seq s goes to room s mod rooms.
 */
export interface Schedule {
  readonly first: number
  readonly recalls: number
  readonly startUs: number
  readonly everyUs: number
}

export interface SubscriberReport extends Tally {
  readonly expected: number
  readonly closed: number
  readonly gaps: number
  readonly frames: number
  readonly lastUs: number
  readonly latencies: readonly number[]
}

interface Subscriber {
  readonly index: number
  readonly subscriptions: readonly Subscription[]
  socket: RawSocket | undefined
}

interface Subscription {
  readonly room: BenchRoom
  readonly cursor: Cursor
  /** The position of the room at the first subscribe. */
  from: SubscribeAck['position']
  /** How many notices the room had then. */
  readonly base: number
}

interface BenchRoom {
  readonly number: number
  readonly checker: DeliveryChecker
  /** The latest parsed frame. The next socket mostly receives the same one. */
  frame: Buffer
  seqs: readonly number[]
  misrouted: number
  sockets: number
}

export const groupOf = (room: number): string => `@TGS#g${String(room).padStart(5, '0')}`

/** Many sockets in rooms, which compare what they receive with what they should receive. */
export class SubscriberPool {
  readonly #plan: SubscriberPlan
  readonly #rooms: readonly BenchRoom[]
  readonly #subscribers: Subscriber[] = []
  #schedule: Schedule = { first: 0, recalls: 0, startUs: 0, everyUs: 0 }
  #tally = emptyTally()
  #latencies = new Histogram()
  #closed = 0
  #gaps = 0
  #frames = 0
  #lastUs = 0

  constructor(plan: SubscriberPlan) {
    this.#plan = plan
    this.#rooms = Array.from({ length: plan.rooms }, (_, i) => ({
      number: i + (plan.firstRoom ?? 0),
      checker: new DeliveryChecker(),
      frame: Buffer.alloc(0),
      seqs: [],
      misrouted: 0,
      sockets: 0,
    }))
  }

  /** Opens all sockets, or reopens them after `drop`, fresh or from their positions. Returns the time it took in s. */
  async connect(mode: 'fresh' | 'resume' = 'fresh'): Promise<number> {
    if (this.#subscribers.length === 0) this.#addSubscribers()
    const startUs = nowUs()
    const queue = [...this.#subscribers]
    const work = async (): Promise<void> => {
      for (let subscriber = queue.shift(); subscriber; subscriber = queue.shift())
        await this.#open(subscriber, mode)
    }
    await Promise.all(Array.from({ length: this.#plan.maxConcurrent ?? 200 }, work))
    return (nowUs() - startUs) / 1e6
  }

  /** Resets the counters. From now on deliveries are compared with this schedule. */
  expect(schedule: Schedule): void {
    this.#schedule = schedule
    this.#tally = emptyTally()
    this.#latencies = new Histogram()
    this.#frames = 0
    this.#gaps = 0
  }

  report(): SubscriberReport {
    const { first, recalls } = this.#schedule
    let expected = 0
    for (let seq = first; seq < first + recalls; seq++)
      expected += this.#rooms[seq % this.#plan.rooms]?.sockets ?? 0
    return {
      ...this.#tally,
      expected: this.#plan.firstRoom ? 0 : expected,
      closed: this.#closed,
      gaps: this.#gaps,
      frames: this.#frames,
      lastUs: this.#lastUs,
      latencies: this.#latencies.counts,
    }
  }

  /** Drops all sockets simultaneously. */
  drop(): void {
    for (const { socket } of this.#subscribers) socket?.drop()
  }

  #addSubscribers(): void {
    const { sockets, roomsPerSocket = 1 } = this.#plan
    for (let index = 0; index < sockets; index++) {
      const subscriptions = Array.from({ length: roomsPerSocket }, (_, i) =>
        this.#subscriptionTo(index + i * sockets),
      )
      this.#subscribers.push({ index, subscriptions, socket: undefined })
    }
  }

  #subscriptionTo(number: number): Subscription {
    const room = this.#rooms[number % this.#rooms.length]
    if (room === undefined) throw new Error('there are no rooms')
    room.sockets++
    const cursor = room.checker.cursor()
    return { room, cursor, from: undefined, base: cursor.next }
  }

  async #open(subscriber: Subscriber, mode: 'fresh' | 'resume'): Promise<void> {
    const { ports, tokens, atOnce = false } = this.#plan
    const { index, subscriptions } = subscriber
    const requests = subscriptions.map(({ room, cursor, from, base }) => ({
      group: groupOf(room.number),
      ...(mode === 'resume' &&
        from && { since: { epoch: from.epoch, offset: from.offset + cursor.next - base } }),
    }))
    const { socket, acks } = await openRawSocket({
      port: ports[index % ports.length] ?? 0,
      token: tokens[index % tokens.length] ?? '',
      requests,
      atOnce,
      onEvent: (bytes, start, end) => this.#receive(subscriber, bytes, start, end),
      onClosed: () => this.#closed++,
    })
    subscriber.socket = socket
    for (const [i, subscription] of subscriptions.entries()) {
      subscription.from ??= acks[i]?.position
      if (acks[i]?.gap !== undefined) this.#gaps++
    }
  }

  #receive(subscriber: Subscriber, bytes: Buffer, start: number, end: number): void {
    const subscription = this.#subscriptionOf(subscriber, bytes, start, end)
    if (subscription === undefined) {
      this.#tally.misrouted++
      return
    }
    const { room, cursor } = subscription
    if (room.frame.compare(bytes, start, end) !== 0) this.#parse(room, bytes.subarray(start, end))
    this.#frames++
    this.#tally.misrouted += room.misrouted
    const now = nowUs()
    this.#lastUs = now
    const { first, startUs, everyUs } = this.#schedule
    for (const seq of room.seqs) {
      room.checker.record(cursor, seq, this.#tally)
      this.#latencies.record(now - startUs - (seq - first) * everyUs)
    }
  }

  /** Returns undefined for a room that the socket is not in. Only the first seq is looked at. */
  #subscriptionOf(
    { subscriptions, index }: Subscriber,
    bytes: Buffer,
    start: number,
    end: number,
  ): Subscription | undefined {
    if (subscriptions.length === 1) return subscriptions[0]
    const { rooms, sockets } = this.#plan
    const [seq = index] = seqsIn(bytes.subarray(start, end))
    return subscriptions[((seq % rooms) - index) / sockets]
  }

  #parse(room: BenchRoom, payload: Buffer): void {
    const seqs = seqsIn(payload)
    room.frame = Buffer.from(payload)
    room.seqs = seqs.filter((seq) => seq % this.#plan.rooms === room.number)
    room.misrouted = seqs.length - room.seqs.length
  }
}
