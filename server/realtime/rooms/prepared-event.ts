import { toMemberNotice } from '../../../shared/notice.ts'
import type { Notice } from '../../../shared/notice.ts'
import type { Delivery, Gap, NoticeBatch } from '../../../shared/protocol.ts'
import type { Room } from '../../../shared/room.ts'

/** About 40 KB each, at most 300 KB: the clients of a lost node resume their rooms in any order. */
const MAX_CACHED_REPLAYS = 64
/** First byte of a WebSocket frame: final, text. */
const FINAL_TEXT = 0x81

/** Admins see who recalled a message, and from where; members do not. Each role gets an event of its own. */
export type Role = 'admin' | 'member'

interface Payloads {
  readonly 'messages-recalled': NoticeBatch
  readonly gap: Gap
  readonly delivery: Delivery
}

export type PreparedNotices = PreparedEvent<'messages-recalled'>
export type PreparedGap = PreparedEvent<'gap'>
export type PreparedDelivery = PreparedEvent<'delivery'>

/** An event for many connections, in every form in which it is sent. Each form is encoded once, when first needed. */
export class PreparedEvent<Event extends keyof Payloads> {
  readonly payload: Payloads[Event]
  readonly #event: Event
  #data: string | undefined
  #packet: string | undefined
  #frame: Buffer | undefined

  constructor(event: Event, payload: Payloads[Event]) {
    this.#event = event
    this.payload = payload
  }

  /** The payload as JSON, for streams. */
  get data(): string {
    return (this.#data ??= JSON.stringify(this.payload))
  }

  /** As Socket.IO passes it to Engine.IO: a packet of type event, in the namespace `/`. */
  get packet(): string {
    return (this.#packet ??= `2${JSON.stringify([this.#event, this.payload])}`)
  }

  /** As it travels on the wire: the packet as an Engine.IO message, in a WebSocket frame. */
  get frame(): Buffer {
    return (this.#frame ??= textFrame(`4${this.packet}`))
  }
}

/** Prepares notices as one role sees them. */
export const prepareNotices = (
  role: Role,
  room: Room,
  epoch: string,
  notices: readonly Notice[],
): PreparedNotices =>
  new PreparedEvent('messages-recalled', {
    room,
    epoch,
    notices: role === 'admin' ? notices : notices.map(toMemberNotice),
  })

interface CachedReplay {
  readonly role: Role
  readonly notices: readonly Notice[]
  readonly event: PreparedNotices
}

/** The latest replays. After a node is lost, many clients have missed the same notices: these are encoded once for all. */
export class ReplayCache {
  #replays: CachedReplay[] = []

  /** Prepares a run of a room's log, which must not be empty. */
  prepare(role: Role, room: Room, epoch: string, notices: readonly Notice[]): PreparedNotices {
    const cached = this.#replays.find((replay) => replay.role === role && isSameRun(replay.notices, notices))
    if (cached !== undefined) return cached.event
    const event = prepareNotices(role, room, epoch, notices)
    this.#replays = [{ role, notices, event }, ...this.#replays.slice(0, MAX_CACHED_REPLAYS - 1)]
    return event
  }
}

/** Compares by identity. The ends are enough: a run has no holes, and a notice belongs to one room. */
const isSameRun = (one: readonly Notice[], other: readonly Notice[]): boolean =>
  one.length === other.length && one[0] === other[0] && one.at(-1) === other.at(-1)

/** Encodes a text as one WebSocket frame of a server: unmasked, uncompressed. Source: RFC 6455, section 5.2. */
export function textFrame(text: string): Buffer {
  const bytes = Buffer.byteLength(text)
  const header = headerOf(bytes)
  const frame = Buffer.allocUnsafeSlow(header.length + bytes)
  frame.set(header)
  frame.write(text, header.length)
  return frame
}

/** Returns the bytes before a text of so many bytes. */
export function headerOf(bytes: number): readonly number[] {
  if (bytes < 126) return [FINAL_TEXT, bytes]
  if (bytes < 65_536) return [FINAL_TEXT, 126, bytes >> 8, bytes & 255]
  return [FINAL_TEXT, 127, 0, 0, 0, 0, bytes >>> 24, (bytes >>> 16) & 255, (bytes >>> 8) & 255, bytes & 255]
}
