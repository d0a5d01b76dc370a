import { expect } from 'chai'
import { closeFrame, openWebSocketPeer } from '../support/web-socket-peer.ts'
import type { WebSocketPeer } from '../support/web-socket-peer.ts'
import { waitUntil } from '../support/wait.ts'
import { frameOf } from './socket-io-cases.ts'
import type { PacketCase } from './socket-io-cases.ts'

/** Opens a WebSocket, and resolves after Engine.IO's handshake. */
export async function openEngine(port: number): Promise<WebSocketPeer> {
  const peer = await openWebSocketPeer(port)
  await peer.text('the handshake of Engine.IO', (text) => text.startsWith('0{'))
  return peer
}

interface Handshake {
  readonly sid: string
  readonly upgrades: readonly string[]
  /** In ms, like `pingTimeout`. */
  readonly pingInterval: number
  readonly pingTimeout: number
  /** In bytes. */
  readonly maxPayload: number
}

/** What Engine.IO told the peer in its handshake. */
export const handshakeOf = (peer: WebSocketPeer): Handshake =>
  JSON.parse((peer.texts()[0] ?? '').slice(1)) as Handshake

/** The same, and presents the token. Resolves once the node has said `hello`. */
export async function openSocket(port: number, token: string): Promise<WebSocketPeer> {
  const peer = await openEngine(port)
  peer.sendText(`40${JSON.stringify({ token })}`)
  await peer.text('the handshake of Socket.IO', (text) => text.startsWith('40{"sid"'))
  await peer.text('hello', (text) => text.startsWith('42["hello"'))
  return peer
}

/** Returns how many pings of Engine.IO the peer has received. */
export const pings = (peer: WebSocketPeer): number => peer.texts().filter((text) => text === '2').length

/** Waits until the node closes the connection, and answers its close frame as a client does. */
export async function expectClosed(peer: WebSocketPeer): Promise<void> {
  await waitUntil('the node closes', () => peer.closeCode() !== undefined || peer.isClosed())
  peer.send(closeFrame(1000))
  await peer.closed()
}

const PROBE = '42999["unsubscribe",{"group":"probe"}]'
const isProbed = (text: string): boolean => text.startsWith('43999[')

/** Sends the packets of a case, and checks what they lead to. Closes the peer. */
export async function checkPackets(peer: WebSocketPeer, { packets, outcome }: PacketCase): Promise<void> {
  const before = peer.texts().length
  const isNew = (text: string): boolean => !isProbed(text) && text !== '2'
  try {
    peer.send(Buffer.concat(packets.map(frameOf)))
    if (outcome.kind === 'closes') {
      await expectClosed(peer)
      expect(peer.texts().slice(before).filter(isNew)).to.be.empty
      return
    }
    if (outcome.kind === 'answers' || outcome.kind === 'refuses')
      expect(await peer.text('the answer', isNew, before)).to.match(outcome.text)
    if (outcome.kind === 'refuses') return await expectClosed(peer)
    peer.sendText(PROBE)
    await peer.text('the answer to a request afterwards', isProbed, before)
    expect(peer.texts().slice(before).filter(isNew)).to.have.lengthOf(outcome.kind === 'answers' ? 1 : 0)
  } finally {
    peer.destroy()
  }
}
