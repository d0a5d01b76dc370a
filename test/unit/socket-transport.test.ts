import { expect } from 'chai'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server } from 'socket.io'
import { io } from 'socket.io-client'
import { PreparedEvent } from '../../server/realtime/rooms/prepared-event.ts'
import { isTestedVersion, socketIoVersions } from '../../server/realtime/socket-io/internals.ts'
import type { GatewaySocket, GatewaySockets } from '../../server/realtime/socket-io/internals.ts'
import { createWriter } from '../../server/realtime/socket-io/socket-transport.ts'
import type { Write } from '../../server/realtime/socket-io/socket-transport.ts'
import { createLogger } from '../../server/telemetry/logger.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'

const LOCK_FILE = new URL('../../../package-lock.json', import.meta.url)
const log = createLogger('silent')
const IGNORE = { wroteDirectly: () => undefined, queues: () => undefined }
const GROUP = { group: 'g' }

const notices = (offset: number, padding = '') =>
  new PreparedEvent('messages-recalled', {
    room: GROUP,
    epoch: `e${padding}`,
    notices: [{ offset, group: 'g', messages: [{ seq: offset }], recalledAtMs: 1 }],
  })

describe('writer of shared events', () => {
  const onCleanUp = cleanUpAfterEach()

  /** A real server and client: the offsets the client received in order, and the number of writes through Engine.IO. */
  async function open() {
    const http = createServer()
    const server: GatewaySockets = new Server(http, { transports: ['websocket'], perMessageDeflate: false })
    onCleanUp(() => new Promise<void>((resolve) => void server.close(() => resolve())))
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
    const connected = new Promise<GatewaySocket>((resolve) => void server.on('connection', resolve))
    const client = io(`http://127.0.0.1:${(http.address() as AddressInfo).port}`, {
      transports: ['websocket'],
    })
    onCleanUp(async () => void client.disconnect())
    const received: number[] = []
    client.on('messages-recalled', ({ notices: [notice] }: { notices: { offset: number }[] }) =>
      received.push(notice?.offset ?? -1),
    )
    client.on('gap', ({ position }: { position: { offset: number } }) => received.push(position.offset))
    const socket = await connected
    let throughEngine = 0
    const { conn } = socket
    const write = conn.write.bind(conn)
    conn.write = (...values) => {
      throughEngine++
      return write(...values)
    }
    return { socket, received, throughEngine: () => throughEngine }
  }

  const idle = async (socket: GatewaySocket, write: Write) => {
    await waitUntil('the handshake has been sent', () => socket.conn.transport.writable)
    return (offset: number, padding?: string) => write(socket.conn, notices(offset, padding))
  }

  it('writes to an idle socket directly, and the event arrives like any other', async () => {
    const { socket, received, throughEngine } = await open()
    const send = await idle(socket, createWriter(log, IGNORE))
    send(1)
    send(2)
    await waitUntil('both arrive', () => received.length === 2)
    expect(received).to.deep.equal([1, 2])
    expect(throughEngine()).to.equal(0)
  })

  it('keeps the order of direct writes and writes through Engine.IO', async () => {
    const { socket, received, throughEngine } = await open()
    const send = await idle(socket, createWriter(log, IGNORE))
    for (let offset = 1; offset <= 300; offset++) {
      if (offset % 7 === 0)
        socket.emit('gap', { room: GROUP, reason: 'trimmed', position: { epoch: 'e', offset } })
      else send(offset)
      if (offset % 11 === 0) await waitUntil('the socket is idle again', () => socket.conn.transport.writable)
    }
    await waitUntil('all arrive', () => received.length === 300)
    expect(received).to.deep.equal(Array.from({ length: 300 }, (_, i) => i + 1))
    expect(throughEngine()).to.be.within(1, 299)
  })

  it('writes through Engine.IO to a socket that reads too slowly', async () => {
    const { socket, received, throughEngine } = await open()
    const send = await idle(socket, createWriter(log, IGNORE))
    // More than the system buffers for a connection, in one turn, in which the client cannot read.
    for (let offset = 1; offset <= 200; offset++) send(offset, 'x'.repeat(100_000))
    expect(throughEngine()).to.be.greaterThan(50)
    await waitUntil('all arrive', () => received.length === 200)
    expect(received).to.deep.equal(Array.from({ length: 200 }, (_, i) => i + 1))
  })

  for (const [name, versions] of [
    ['Socket.IO', 'socket.io 5.0.0, engine.io 6.6.12, ws 8.21.3'],
    ['Engine.IO', 'socket.io 4.8.4, engine.io 6.7.0, ws 8.21.3'],
    ['ws', 'socket.io 4.8.4, engine.io 6.6.12, ws 8.22.0'],
  ]) {
    it(`writes through Engine.IO in a version of ${name} that was not tested`, async () => {
      const { socket, received, throughEngine } = await open()
      const send = await idle(socket, createWriter(log, IGNORE, versions))
      send(1)
      await waitUntil('it arrives', () => received.length === 1)
      expect(throughEngine()).to.equal(1)
    })
  }

  it('knows the versions in use, which are tested ones', () => {
    const { packages } = JSON.parse(readFileSync(LOCK_FILE, 'utf8')) as {
      readonly packages: Record<string, { readonly version: string }>
    }
    const installed = ['socket.io', 'engine.io', 'ws'].map(
      (name) => `${name} ${packages[`node_modules/${name}`]?.version}`,
    )
    expect(socketIoVersions()).to.equal(installed.join(', '))
    expect(isTestedVersion(socketIoVersions())).to.equal(true)
  })

  it('does nothing to a closed socket', async () => {
    const { socket } = await open()
    const send = await idle(socket, createWriter(log, IGNORE))
    const closed = once(socket, 'disconnect')
    socket.conn.close()
    send(1)
    await closed
    send(2)
    expect(socket.connected).to.equal(false)
  })
})
