import { nowUs } from './clock.ts'
import { openRawSocket } from './raw-socket.ts'
import type { RawAnswer, RawSocket } from './raw-socket.ts'
import { emptyTally, RoomLedger } from './delivery-checker.ts'
import type { Seat, Tally } from './delivery-checker.ts'
import { seqsIn } from './payload-seqs.ts'
import { Histogram } from './statistics.ts'

export interface AudiencePlan {
  /** Those of the nodes, by turns. */
  readonly ports: readonly number[]
  readonly sockets: number
  /** Socket i listens to the room (i mod rooms) + firstRoom. */
  readonly rooms: number
  readonly firstRoom?: number
  /** One for each socket, or one for all. */
  readonly tokens: readonly string[]
  /** Sockets that connect at a time. */
  readonly atOnce?: number
}

/** When recalls are due: `recalls` of them from `first` on, the first at `startUs`; seq s goes to room s mod rooms. */
export interface Schedule {
  readonly first: number
  readonly recalls: number
  readonly startUs: number
  readonly everyUs: number
}

export interface AudienceReport extends Tally {
  readonly expected: number
  readonly closed: number
  readonly gaps: number
  readonly frames: number
  readonly lastUs: number
  readonly latencies: readonly number[]
}

interface Member {
  readonly index: number
  readonly room: BenchRoom
  readonly seat: Seat
  socket: RawSocket | undefined
  /** Where the room stood when the socket subscribed first. */
  from: RawAnswer['position']
  /** How many notices the room had then. */
  readonly base: number
}

interface BenchRoom {
  readonly number: number
  readonly ledger: RoomLedger
  /** The frame that was parsed last: mostly the next socket gets the same. */
  frame: Buffer
  seqs: readonly number[]
  misrouted: number
  sockets: number
}

export const groupOf = (room: number): string => `@TGS#g${String(room).padStart(5, '0')}`

/** Many sockets in rooms, which hold what they get against what they should get. */
export class Audience {
  readonly #plan: AudiencePlan
  readonly #rooms: readonly BenchRoom[]
  readonly #members: Member[] = []
  #schedule: Schedule = { first: 0, recalls: 0, startUs: 0, everyUs: 0 }
  #tally = emptyTally()
  #latencies = new Histogram()
  #closed = 0
  #gaps = 0
  #frames = 0
  #lastUs = 0

  constructor(plan: AudiencePlan) {
    this.#plan = plan
    this.#rooms = Array.from({ length: plan.rooms }, (_, i) => ({
      number: i + (plan.firstRoom ?? 0),
      ledger: new RoomLedger(),
      frame: Buffer.alloc(0),
      seqs: [],
      misrouted: 0,
      sockets: 0,
    }))
  }

  /** Opens all sockets, or all again after `drop`, with the positions they have or from now; answers how long it took, in s. */
  async connect(how: 'fresh' | 'resume' = 'fresh'): Promise<number> {
    if (this.#members.length === 0) this.#addMembers()
    const startUs = nowUs()
    const waiting = [...this.#members]
    const work = async (): Promise<void> => {
      for (let member = waiting.shift(); member; member = waiting.shift()) await this.#open(member, how)
    }
    await Promise.all(Array.from({ length: this.#plan.atOnce ?? 200 }, work))
    return (nowUs() - startUs) / 1e6
  }

  /** From now on, these are counted, and nothing else was. */
  expect(schedule: Schedule): void {
    this.#schedule = schedule
    this.#tally = emptyTally()
    this.#latencies = new Histogram()
    this.#frames = 0
    this.#gaps = 0
  }

  report(): AudienceReport {
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

  /** All at once. */
  drop(): void {
    for (const { socket } of this.#members) socket?.drop()
  }

  #addMembers(): void {
    for (let index = 0; index < this.#plan.sockets; index++) {
      const room = this.#rooms[index % this.#rooms.length]
      if (room === undefined) throw new Error('there are no rooms')
      room.sockets++
      const seat = room.ledger.seat()
      this.#members.push({ index, room, seat, socket: undefined, from: undefined, base: seat.next })
    }
  }

  async #open(member: Member, how: 'fresh' | 'resume'): Promise<void> {
    const { ports, tokens } = this.#plan
    const { room, index, seat, from, base } = member
    const since =
      how === 'resume' && from ? { epoch: from.epoch, offset: from.offset + seat.next - base } : undefined
    const { socket, answer } = await openRawSocket({
      port: ports[index % ports.length] ?? 0,
      token: tokens[index % tokens.length] ?? '',
      ask: { group: groupOf(room.number), ...(since && { since }) },
      onEvent: (bytes, start, end) => this.#take(member, bytes, start, end),
      onClosed: () => this.#closed++,
    })
    member.socket = socket
    member.from ??= answer.position
    if (answer.gap !== undefined) this.#gaps++
  }

  #take({ room, seat }: Member, bytes: Buffer, start: number, end: number): void {
    if (room.frame.compare(bytes, start, end) !== 0) this.#parse(room, bytes.subarray(start, end))
    this.#frames++
    this.#tally.misrouted += room.misrouted
    const now = nowUs()
    this.#lastUs = now
    const { first, startUs, everyUs } = this.#schedule
    for (const seq of room.seqs) {
      room.ledger.note(seat, seq, this.#tally)
      this.#latencies.record(now - startUs - (seq - first) * everyUs)
    }
  }

  #parse(room: BenchRoom, payload: Buffer): void {
    const seqs = seqsIn(payload)
    room.frame = Buffer.from(payload)
    room.seqs = seqs.filter((seq) => seq % this.#plan.rooms === room.number)
    room.misrouted = seqs.length - room.seqs.length
  }
}
