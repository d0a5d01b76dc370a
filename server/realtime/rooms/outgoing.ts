import type { Gap, NoticeBatch } from '../../../shared/protocol.ts'
import { textFrame } from './text-frame.ts'

interface Payloads {
  readonly 'messages-recalled': NoticeBatch
  readonly gap: Gap
}

/** An event for many at once, in each form in which it is sent. A form is made once, when the first one needs it. */
export class Outgoing<Event extends keyof Payloads> {
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
