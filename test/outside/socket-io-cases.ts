import { encodeFrame, OPCODES } from '../support/web-socket-peer.ts'

/**
 * What a packet, after the handshakes, leads to. `answers`: the first text that comes back matches, and the next request is
 * answered too. `refuses`: it matches, and then the node closes the connection. `silent`: nothing comes back, and the next
 * request is answered. `closes`: nothing comes back, and the node closes the connection.
 */
type Outcome = { readonly kind: 'answers' | 'refuses'; readonly text: RegExp } | { readonly kind: 'silent' | 'closes' }

export interface PacketCase {
  readonly name: string
  /** Texts, or binary messages. */
  readonly packets: readonly (string | Buffer)[]
  readonly outcome: Outcome
  readonly why?: string
}

const answers = (text: RegExp): Outcome => ({ kind: 'answers', text })
const closes: Outcome = { kind: 'closes' }
const silent: Outcome = { kind: 'silent' }

/** A packet as the frame that carries it. */
export const frameOf = (packet: string | Buffer): Buffer => encodeFrame({ payload: packet, opcode: typeof packet === 'string' ? OPCODES.text : OPCODES.binary })

/** Packets of Socket.IO's protocol, revision 5, after the connection to the main namespace. */
export const SOCKET_IO_CASES: readonly PacketCase[] = [
  {
    name: 'an event with a value and an acknowledgement is answered under its number',
    packets: ['42456["subscribe",{"group":"g"}]'],
    outcome: answers(/^43456\[\{"ok":true,"room":\{"group":"g"\},/),
  },
  { name: 'an event without an acknowledgement is handled, and not answered', packets: ['42["subscribe",{"group":"g"}]'], outcome: silent },
  {
    name: 'an event with several values is refused, not cut to the first',
    packets: ['421["message",1,"2",{"3":[true]}]'],
    outcome: answers(/^431\[\{"ok":false,"code":"REQUEST_MALFORMED"/),
  },
  { name: 'an unknown event is refused', packets: ['422["message-with-ack",{}]'], outcome: answers(/^432\[\{"ok":false,"code":"REQUEST_MALFORMED"/) },
  {
    name: 'an event with binary attachments and an acknowledgement is put together, and refused for its shape',
    packets: ['452-789["subscribe",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', Buffer.of(1, 2, 3), Buffer.of(4, 5, 6)],
    outcome: answers(/^43789\[\{"ok":false,"code":"REQUEST_MALFORMED"/),
    why: 'no request of ours carries bytes',
  },
  {
    name: 'an event with binary attachments and no acknowledgement is not answered',
    packets: ['451-["subscribe",{"_placeholder":true,"num":0}]', Buffer.of(1)],
    outcome: silent,
  },
  { name: 'an acknowledgement that nobody asked for is ignored', packets: ['437[{"ok":true}]'], outcome: silent },
  { name: 'an unknown packet type', packets: ['4abc'], outcome: closes },
  { name: 'a packet type beyond the last', packets: ['47'], outcome: closes },
  { name: 'a payload that is no list', packets: ['42{}'], outcome: closes },
  { name: 'a payload that is not JSON', packets: ['42["subscribe",'], outcome: closes },
  {
    name: 'an event without a payload',
    packets: ['42'],
    outcome: silent,
    why: 'Socket.IO reads it as an event without a name, which is refused and counted; nobody waits for an answer',
  },
  { name: 'an event without a name', packets: ['42[]'], outcome: closes },
  { name: 'an event whose name is an object', packets: ['42[{}]'], outcome: closes },
  { name: 'an event with a name that Socket.IO keeps for itself', packets: ['42["connect"]'], outcome: closes },
  { name: 'an acknowledgement number that is none', packets: ['42abc["subscribe",{}]'], outcome: closes },
  { name: 'a binary event without a count', packets: ['45["subscribe",{}]'], outcome: closes },
  { name: 'a binary event with a count that is none', packets: ['45x-["subscribe",{}]'], outcome: closes },
  { name: 'a text where an attachment was announced', packets: ['451-["subscribe",{"_placeholder":true,"num":0}]', '42["subscribe",{}]'], outcome: closes },
  { name: 'a placeholder for an attachment that is not there', packets: ['451-["subscribe",{"_placeholder":true,"num":5}]', Buffer.of(1)], outcome: closes },
  { name: 'an attachment that nothing announced', packets: [Buffer.of(1, 2, 3)], outcome: closes },
  { name: 'a disconnection with a payload', packets: ['41{}'], outcome: closes },
  { name: 'a refused connection, which only a server sends', packets: ['44{"message":"x"}'], outcome: closes },
  {
    name: 'a disconnection from the main namespace',
    packets: ['41'],
    outcome: closes,
    why: 'the suite keeps the connection for other namespaces; ours has none, and what has no socket has no use',
  },
  { name: 'a disconnection from a namespace it is not in', packets: ['41/custom,'], outcome: closes },
  { name: 'an event for a namespace it is not in', packets: ['42/custom,["subscribe",{"group":"g"}]'], outcome: closes },
  { name: 'a connection to another namespace', packets: ['40/random,'], outcome: { kind: 'refuses', text: /^44\/random,\{"message":"Invalid namespace"\}$/ }, why: 'there is no other namespace' },
  { name: 'a second connection to the main namespace', packets: ['40{}'], outcome: closes },
]

/** Packets of Engine.IO's protocol, revision 4, after its handshake. */
export const ENGINE_IO_CASES: readonly PacketCase[] = [
  { name: 'a packet type that does not exist', packets: ['abc'], outcome: closes },
  { name: 'a type beyond the last', packets: ['7'], outcome: closes },
  { name: 'a close', packets: ['1'], outcome: closes },
  { name: 'a ping, which only a server sends', packets: ['2'], outcome: closes },
  { name: 'a probe, without an upgrade under way', packets: ['2probe'], outcome: closes },
  { name: 'a pong that answers nothing', packets: ['3'], outcome: silent },
  { name: 'a pong with a payload', packets: ['3probe'], outcome: silent },
  { name: 'an upgrade, with nothing to upgrade from', packets: ['5'], outcome: silent, why: 'ignored' },
  { name: 'a noop', packets: ['6'], outcome: silent },
  { name: 'an open, which only a server sends', packets: ['0{}'], outcome: silent, why: 'ignored' },
]
