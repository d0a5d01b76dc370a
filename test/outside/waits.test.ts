import { expect } from 'chai'
import { adminToken } from '../support/client.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { openRawConnection } from '../support/raw-connection.ts'
import type { RawConnection } from '../support/raw-connection.ts'
import type { WebSocketPeer } from '../support/web-socket-peer.ts'
import { waitUntil } from '../support/wait.ts'
import { handshakeOf, openEngine, openSocket } from './socket-io-peer.ts'

/** Longer than any of these waits is documented to last. */
const SLACK_MS = 10_000
/** How long a connection may take to present a credential, or a request to arrive. */
const ARRIVAL_MS = 10_000

let gateway: GatewayProcess
let answering: WebSocketPeer
let silent: WebSocketPeer
let stranger: WebSocketPeer
let unfinished: RawConnection
let answerPings: NodeJS.Timeout

const pings = (peer: WebSocketPeer): number => peer.texts().filter((text) => text === '2').length
const isClosed = (peer: WebSocketPeer): boolean => peer.isClosed() || peer.closeCode() !== undefined

// Before all tests of the run, not of this file: what these tests wait for happens while others run.
before('connections that are looked at later', async () => {
  gateway = await startGatewayProcess()
  const token = await adminToken()
  answering = await openSocket(gateway.port, token)
  silent = await openSocket(gateway.port, token)
  stranger = await openEngine(gateway.port)
  unfinished = await openRawConnection(gateway.port)
  unfinished.send('GET /livez HTTP/1.1\r\nHost: x\r\nX-Unfin')
  let answered = 0
  answerPings = setInterval(() => {
    for (; answered < pings(answering); answered++) answering.sendText('3')
  }, 500)
})

after(async () => {
  clearInterval(answerPings)
  await gateway.stop()
})

describe('a connection on which nothing comes for long', () => {
  it('is closed when it presents no credential', async function () {
    this.timeout(ARRIVAL_MS + 2 * SLACK_MS)
    await waitUntil('the node closes it', () => isClosed(stranger), ARRIVAL_MS + SLACK_MS)
    expect(stranger.texts().filter((text) => text !== '2')).to.have.lengthOf(1)
  })

  it('receives 408 when its request does not end', async function () {
    this.timeout(ARRIVAL_MS + 2 * SLACK_MS)
    await waitUntil('the node closes it', unfinished.isClosed, ARRIVAL_MS + SLACK_MS)
    expect(unfinished.received()).to.match(/^HTTP\/1\.1 408 /)
  })

  it('is closed when it answers no ping, and served as long as it does', async function () {
    const { pingInterval, pingTimeout } = handshakeOf(answering)
    const longestMs = pingInterval + pingTimeout + SLACK_MS
    this.timeout(longestMs + SLACK_MS)
    await waitUntil('the node closes the silent one', () => isClosed(silent), longestMs)
    expect(pings(silent)).to.equal(1)
    expect(pings(answering)).to.be.at.least(1)
    answering.sendText('42999["unsubscribe",{"group":"g"}]')
    await answering.text('an answer', (text) => text.startsWith('43999['))
  })
})
