import { TLSSocket } from 'node:tls'
import type { SharedBytes } from '../../lib/shared-bytes.ts'
import { internalsOf } from './internals.ts'
import type { Connection, EncodedEvent, GatewaySockets, WaitingPacket } from './internals.ts'

// What waits for a connection, by the private fields of Engine.IO and ws; see `internals.ts`.

const WS_CLOSED = 3

/** The options of a shared event for Engine.IO, one object for all connections: it waits for many, in many pieces. */
interface SharedOptions extends SharedBytes {
  readonly compress: false
  readonly wsPreEncodedFrame: readonly Buffer[]
}

const sharedOptions = new WeakMap<EncodedEvent, SharedOptions>()

function optionsOf(event: EncodedEvent): SharedOptions {
  const known = sharedOptions.get(event)
  if (known !== undefined) return known
  // The frame, and the text that Engine.IO wants to have beside it.
  const bytes = event.frame.length * 2
  const options: SharedOptions = {
    compress: false,
    wsPreEncodedFrame: [event.frame],
    bytes,
    count: 0,
    holders: 0,
  }
  sharedOptions.set(event, options)
  return options
}

/** Returns how many bytes an event takes that begins to wait; 0 if it waits somewhere already. */
export const newBytesOf = (event: EncodedEvent): number =>
  sharedOptions.has(event) ? 0 : optionsOf(event).bytes

/** Queues an event behind everything sent so far. Engine.IO keeps the order; the shared frame is not encoded again. */
export function writeThroughEngine(connection: Connection, event: EncodedEvent): void {
  connection.write(event.packet, optionsOf(event) as object as Parameters<Connection['write']>[1])
}

/** Returns an event that was written past Engine.IO, as Engine.IO would hold it. */
export const packetOf = (event: EncodedEvent): WaitingPacket => ({
  data: event.packet,
  options: optionsOf(event),
})

/** Returns what a packet shares with those of other connections; undefined if nothing. */
export const sharedOf = ({ options }: WaitingPacket): SharedBytes | undefined =>
  options !== undefined && 'holders' in options ? (options as SharedOptions) : undefined

/** Calls `listener` when Engine.IO has handed these packets of a connection to ws. */
export function onHandedOver(
  { engine }: GatewaySockets,
  listener: (connection: Connection, packets: readonly WaitingPacket[]) => void,
): void {
  let packets: readonly WaitingPacket[] = []
  engine.on('flush', (_connection: Connection, flushed: readonly WaitingPacket[]) => (packets = flushed))
  engine.on('drain', (connection: Connection) => listener(connection, packets))
}

/** Returns the packets that Engine.IO has not handed to ws. */
export const queuedPackets = (connection: Connection): readonly WaitingPacket[] =>
  internalsOf(connection).writeBuffer ?? []

/** Drops them. */
export function dropQueued(connection: Connection): void {
  internalsOf(connection).writeBuffer?.splice(0)
}

/** Returns how many bytes ws and the TCP socket hold that the system has not taken. */
export const unsentBytes = (connection: Connection): number =>
  internalsOf(connection).transport?.socket?.bufferedAmount ?? 0

/** Whether what is sent is encrypted first: each connection then holds a text of its own. */
export const isEncrypted = (connection: Connection): boolean =>
  internalsOf(connection).transport?.socket?._socket instanceof TLSSocket

/** Returns the pieces of a message that has not arrived completely. */
export function receivedPieces(connection: Connection): readonly Buffer[] {
  const { _buffers = [], _fragments = [] } = internalsOf(connection).transport?.socket?._receiver ?? {}
  return _fragments.length === 0 ? _buffers : [..._buffers, ..._fragments]
}

/** Whether ws has closed the connection, and holds nothing any more. */
export const isGone = (connection: Connection): boolean =>
  internalsOf(connection).transport?.socket?.readyState === WS_CLOSED
