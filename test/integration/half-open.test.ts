import { createRequire } from 'node:module'
import { expect } from 'chai'
import { io } from 'socket.io-client'
import type { Hello } from '../../shared/protocol.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { adminToken, connect } from '../support/client.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import { readMetric } from '../support/read-metric.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { waitUntil } from '../support/wait.ts'

/** The shortest. Without this setting, it is 10 s. */
const HEARTBEAT_S = 4
const SILENCE_MS = 5_000
/** For timers of a busy machine. */
const SLACK_MS = 3_000

const require = createRequire(import.meta.url)
const CLIENTS = {
  newest: io,
  '4.0': (require('socket.io-client-4.0') as { readonly io: typeof io }).io,
}

/** A network that loses all packets, and closes no connection. */
describe('a half-open line', () => {
  const onCleanUp = cleanUpAfterEach()

  it('is noticed by plain clients in the time that the node tells, and by the node', async () => {
    const gateway = await startGatewayProcess({ HEARTBEAT_S: String(HEARTBEAT_S) })
    onCleanUp(gateway.stop)
    const proxy = await startTcpProxy(gateway.port)
    onCleanUp(proxy.stop)
    const token = await adminToken()
    const clients = Object.entries(CLIENTS).map(([version, open]) => {
      const url = `http://127.0.0.1:${proxy.port}`
      const socket = open(url, { transports: ['websocket'], reconnection: false, auth: { token } })
      onCleanUp(async () => void socket.close())
      const told: { hello?: Hello; reason?: string; atMs?: number } = {}
      socket.on('hello', (hello: Hello) => (told.hello = hello))
      socket.on('disconnect', (reason: string) => Object.assign(told, { reason, atMs: performance.now() }))
      return { version, socket, told }
    })
    await waitUntil('hello arrives', () => clients.every(({ told }) => told.hello))
    for (const { told } of clients) expect(told.hello?.silenceMs).to.equal(SILENCE_MS)
    const unharmed = await connect(gateway.url, token)
    onCleanUp(unharmed.close)

    const cutAtMs = performance.now()
    expect(proxy.swallow()).to.equal(clients.length)
    await waitUntil(
      'the clients notice',
      () => clients.every(({ told }) => told.reason),
      SILENCE_MS + SLACK_MS,
    )
    for (const { version, told } of clients) {
      expect(told.reason, version).to.equal('ping timeout')
      expect((told.atMs ?? Infinity) - cutAtMs, version).to.be.below(SILENCE_MS + SLACK_MS)
    }
    // Two pings that are not answered.
    await waitUntil(
      'the node frees the sockets',
      async () => (await readMetric(gateway.url, 'sockets')) === 1,
      HEARTBEAT_S * 3_000 + SLACK_MS,
    )
    await waitUntil('its lines are closed', () => proxy.serverConnections() === 0)
    // The pings, and what answers them, keep a line that is alive.
    expect(unharmed.socket.connected).to.equal(true)
  })
})
