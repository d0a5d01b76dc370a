import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect } from 'chai'
import { makeToken } from '../support/client.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { openRaw } from '../support/raw-connection.ts'
import type { RawConnection } from '../support/raw-connection.ts'
import type { WebSocketPeer } from '../support/web-socket-peer.ts'
import { waitUntil } from '../support/wait.ts'
import type { Answered, Connected } from './answering-peer.ts'
import { openEngine, openSocket, pings } from './socket-io-peer.ts'

/** Longer than any of these waits is documented to last. */
const SLACK_MS = 10_000
/** How long a connection may take to present a credential, or a request to arrive. */
const ARRIVAL_MS = 10_000
/** How long the gateway may take to start, and the connections to open. */
const OPENING_MS = 40_000

const isClosed = (peer: WebSocketPeer): boolean => peer.isClosed() || peer.closeCode() !== undefined

interface Opened {
  readonly gateway: GatewayProcess
  readonly answering: Worker
  readonly pingInterval: number
  readonly silent: WebSocketPeer
  readonly stranger: WebSocketPeer
  readonly unfinished: RawConnection
}

async function openConnections(): Promise<Opened> {
  const gateway = await startGatewayProcess()
  // Valid for longer than a run of all tests takes.
  const token = await makeToken({ ttlS: 86_400 })
  const workerData = { port: gateway.port, token }
  const answering = new Worker(new URL('./answering-peer.js', import.meta.url), { workerData })
  const [{ pingInterval }] = (await once(answering, 'message')) as [Connected]
  const silent = await openSocket(gateway.port, token)
  const stranger = await openEngine(gateway.port)
  const unfinished = await openRaw(gateway.port, { allowHalfOpen: true })
  unfinished.send('GET /livez HTTP/1.1\r\nHost: x\r\nX-Unfin')
  return { gateway, answering, pingInterval, silent, stranger, unfinished }
}

let opened: Promise<Opened>

// Before all tests of the run, not of this file: what these tests wait for happens while others run. Not awaited, so that
// no other test depends on it.
before(() => {
  opened = openConnections()
  opened.catch(() => undefined)
})

after(async () => {
  const { gateway, answering } = await opened
  await answering.terminate()
  await gateway.stop()
})

describe('a connection on which nothing comes for long', () => {
  it('is closed when it presents no credential', async function () {
    this.timeout(OPENING_MS + ARRIVAL_MS + SLACK_MS)
    const { stranger } = await opened
    await waitUntil('the node closes it', () => isClosed(stranger), ARRIVAL_MS + SLACK_MS)
    expect(stranger.texts().filter((text) => text !== '2')).to.have.lengthOf(1)
  })

  it('receives 408 when its request does not end', async function () {
    this.timeout(OPENING_MS + ARRIVAL_MS + SLACK_MS)
    const { unfinished } = await opened
    await waitUntil('the node closes it', unfinished.isClosed, ARRIVAL_MS + SLACK_MS)
    expect(unfinished.received()).to.match(/^HTTP\/1\.1 408 /)
  })

  it('is closed when it answers no ping, and served as long as it does', async function () {
    this.timeout(OPENING_MS)
    const { answering, pingInterval, silent } = await opened
    const longestMs = 3 * pingInterval + SLACK_MS
    this.timeout(OPENING_MS + longestMs)
    await waitUntil('the node closes the silent one', () => isClosed(silent), longestMs)
    expect(pings(silent)).to.equal(2)
    answering.postMessage('ask')
    const [answered] = (await once(answering, 'message')) as [Answered]
    expect(answered.pings).to.be.at.least(2)
    expect(answered.answer).to.match(/^43999\[/)
  })
})
