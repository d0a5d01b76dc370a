import type { Notice } from '../../../shared/notice.ts'
import { shareOf } from '../../lib/shared-bytes.ts'
import type { SharedBytes, WaitingCount } from '../../lib/shared-bytes.ts'
import { bytesInMemory } from '../sessions/replay.ts'
import type { Connection, EncodedEvent, WaitingPacket } from './internals.ts'
import { isReceiving } from './receiving-internals.ts'
import {
  isEncrypted,
  packetOf,
  queuedPackets,
  receivedPieces,
  sharedOf,
  unsentBytes,
} from './waiting-internals.ts'

/** Measured: a packet, and its place in a queue. */
export const PACKET_BYTES = 64
/** Measured: a piece of a message beside its bytes, outside the heap too. */
const RECEIVED_PIECE_BYTES = 400

/** What is known of a connection while something waits for it, or may: most connections have none. */
export class BusyConnection {
  readonly sinceMs = performance.now()
  /** When the connection is terminated, once it is being closed. */
  endsAtMs: number | undefined
  /** Since when a message has been arriving. */
  receivingSinceMs: number | undefined
  /** What a replay holds until the peer has read what was sent before. */
  replayed: readonly Notice[] = []
  /** What it takes by itself, and what it shares with others, by the latest measure. */
  #ownBytes = 0
  #sharedBytes = 0
  readonly #connection: Connection
  /** Handed to ws or to the TCP socket, and not taken by the system yet: first the event written past Engine.IO. */
  #direct: WaitingPacket | undefined
  #handedOver: readonly WaitingPacket[] | undefined

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** An event was written to the TCP socket, which had nothing to send. */
  wroteDirectly(event: EncodedEvent): void {
    this.#direct = packetOf(event)
    this.#handedOver = undefined
  }

  /** Engine.IO has handed over all that was queued, as it does when all that it handed over before is gone. */
  handedOver(packets: readonly WaitingPacket[]): void {
    if (this.#handedOver !== undefined) this.#direct = undefined
    this.#handedOver = packets
  }

  /** Measures what waits, and returns what of it is not shared with other connections, in bytes. */
  measure(count: WaitingCount): number {
    const unsent = this.#unsent()
    let [own, knownBytes] = [0, 0]
    const add = (packet: WaitingPacket): void => {
      own += PACKET_BYTES
      const shared = sharedOf(packet)
      if (shared) count.add(shared)
      // A character takes up to two bytes.
      else own += lengthOf(packet) * 2
    }
    for (const packet of this.#inTransit()) {
      add(packet)
      knownBytes += lengthOf(packet)
    }
    for (const packet of queuedPackets(this.#connection)) add(packet)
    // What is encrypted is not shared any more. What is not known are pongs, for instance.
    own += isEncrypted(this.#connection) ? unsent : Math.max(0, unsent - knownBytes)
    for (const notice of this.replayed) count.addOnce(notice, bytesInMemory([notice]))
    return (this.#ownBytes = own + receivingBytes(this.#connection))
  }

  /** Returns what waits by the latest measure, with the connection's share of what it shares with others. */
  bytes(): number {
    this.#sharedBytes = bytesInMemory(this.replayed)
    const add = (shared: SharedBytes | undefined): void => {
      if (shared) this.#sharedBytes += shareOf(shared)
    }
    for (const packet of this.#inTransit()) add(sharedOf(packet))
    for (const packet of queuedPackets(this.#connection)) add(sharedOf(packet))
    return this.#ownBytes + this.#sharedBytes
  }

  /** Whether nothing waits any more. */
  isIdle(): boolean {
    const { receivingSinceMs, endsAtMs } = this
    return (
      endsAtMs === undefined &&
      receivingSinceMs === undefined &&
      this.#unsent() === 0 &&
      queuedPackets(this.#connection).length === 0 &&
      !isReceiving(this.#connection)
    )
  }

  #unsent(): number {
    const unsent = unsentBytes(this.#connection)
    if (unsent === 0) {
      this.#direct = undefined
      this.#handedOver = undefined
    }
    if (unsent === 0 && queuedPackets(this.#connection).length === 0) this.replayed = []
    return unsent
  }

  #inTransit(): readonly WaitingPacket[] {
    const handedOver = this.#handedOver ?? []
    return this.#direct === undefined ? handedOver : [this.#direct, ...handedOver]
  }
}

const lengthOf = ({ data }: WaitingPacket): number => (typeof data === 'string' ? data.length : 0)

/** A piece of one byte holds the whole chunk in memory with which it arrived. */
function receivingBytes(connection: Connection): number {
  const pieces = receivedPieces(connection)
  if (pieces.length === 0) return 0
  const chunks = new Set(pieces.map(({ buffer }) => buffer))
  let bytes = pieces.length * RECEIVED_PIECE_BYTES
  for (const { byteLength } of chunks) bytes += byteLength
  return bytes
}
