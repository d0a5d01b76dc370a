import type { Gap, NoticeBatch } from '../../../shared/protocol.ts'
import { toMemberNotice } from '../../../shared/notice.ts'
import type { Notice } from '../../../shared/notice.ts'
import type { Room } from '../../../shared/room.ts'

/** Admins see who recalled and from where, members do not: the two listen apart, so that nothing is filtered for each. */
export type Role = 'admin' | 'member'

interface Payloads {
  readonly 'messages-recalled': NoticeBatch
  readonly gap: Gap
}

/** An event for many at once, in each form in which it is sent. A form is made once, when the first one needs it. */
export class PreparedEvent<Event extends keyof Payloads> {
  readonly payload: Payloads[Event]
  readonly #event: Event
  #packet: string | undefined
  #frame: Buffer | undefined

  constructor(event: Event, payload: Payloads[Event]) {
    this.#event = event
    this.payload = payload
  }

  /** As Socket.IO hands it to Engine.IO: a packet of the type event, in the namespace `/`. */
  get packet(): string {
    return (this.#packet ??= `2${JSON.stringify([this.#event, this.payload])}`)
  }

  /** As it stands on the wire: the packet as a message of Engine.IO, in a frame of WebSocket. */
  get frame(): Buffer {
    return (this.#frame ??= textFrame(`4${this.packet}`))
  }
}

export type PreparedNotices = PreparedEvent<'messages-recalled'>
export type PreparedGap = PreparedEvent<'gap'>

/** Notices as they go to one face. */
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

const FINAL_TEXT = 0x81

/** One whole WebSocket frame with this text, as a server sends it: not masked, not compressed. Source: RFC 6455, 5.2. */
export function textFrame(text: string): Buffer {
  const bytes = Buffer.byteLength(text)
  const head = headOf(bytes)
  const frame = Buffer.allocUnsafeSlow(head.length + bytes)
  frame.set(head)
  frame.write(text, head.length)
  return frame
}

function headOf(bytes: number): readonly number[] {
  if (bytes < 126) return [FINAL_TEXT, bytes]
  if (bytes < 65_536) return [FINAL_TEXT, 126, bytes >> 8, bytes & 255]
  return [FINAL_TEXT, 127, 0, 0, 0, 0, bytes >>> 24, (bytes >>> 16) & 255, (bytes >>> 8) & 255, bytes & 255]
}

/** Mostly 40 KB each, at most 300 KB: the rooms of a node that is lost come in any order. */
const MAX_CACHED_REPLAYS = 64

interface Kept {
  readonly role: Role
  readonly notices: readonly Notice[]
  readonly outgoing: PreparedNotices
}

/** What sockets missed, encoded once for those who missed the same: many do, after a node was lost. */
export class ReplayCache {
  #kept: Kept[] = []

  /** `notices` is a run of the log of the room, not empty. */
  prepare(role: Role, room: Room, epoch: string, notices: readonly Notice[]): PreparedNotices {
    const known = this.#kept.find((kept) => kept.role === role && isSameRun(kept.notices, notices))
    if (known !== undefined) return known.outgoing
    const outgoing = prepareNotices(role, room, epoch, notices)
    this.#kept = [{ role, notices, outgoing }, ...this.#kept.slice(0, MAX_CACHED_REPLAYS - 1)]
    return outgoing
  }
}

/** The very same notices, and not only such as look alike: those of a run follow each other, and belong to one room. */
const isSameRun = (one: readonly Notice[], other: readonly Notice[]): boolean =>
  one.length === other.length && one[0] === other[0] && one.at(-1) === other.at(-1)
