import { expect } from 'chai'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server } from 'socket.io'
import { io } from 'socket.io-client'
import type { GatewaySocket, GatewaySockets } from '../../server/realtime/socket-io/internals.ts'
import { PreparedEvent } from '../../server/realtime/rooms/prepared-event.ts'
import { createWriter } from '../../server/realtime/socket-io/socket-transport.ts'
import type { Write } from '../../server/realtime/socket-io/socket-transport.ts'
import { createLogger } from '../../server/telemetry/logger.ts'
import { undoAfterEach } from '../support/undo.ts'
import { until } from '../support/wait.ts'

const log = createLogger('silent')
const GROUP = { group: 'g' }

const notices = (offset: number, padding = '') =>
  new PreparedEvent('messages-recalled', {
    room: GROUP,
    epoch: `e${padding}`,
    notices: [{ offset, group: 'g', messages: [{ seq: offset }], recalledAtMs: 1 }],
  })

describe('the short cut to a socket', () => {
  const undo = undoAfterEach()

  /** A real server and client, what the client got in order, and how often the ordinary way was taken. */
  async function open() {
    const http = createServer()
    const server: GatewaySockets = new Server(http, { transports: ['websocket'], perMessageDeflate: false })
    undo(() => new Promise<void>((resolve) => void server.close(() => resolve())))
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
    const connected = new Promise<GatewaySocket>((resolve) => void server.on('connection', resolve))
    const client = io(`http://127.0.0.1:${(http.address() as AddressInfo).port}`, {
      transports: ['websocket'],
    })
    undo(async () => void client.disconnect())
    const got: number[] = []
    client.on('messages-recalled', ({ notices: [notice] }: { notices: { offset: number }[] }) =>
      got.push(notice?.offset ?? -1),
    )
    client.on('gap', ({ position }: { position: { offset: number } }) => got.push(position.offset))
    const socket = await connected
    let ordinary = 0
    const { conn } = socket
    const write = conn.write.bind(conn)
    conn.write = (...values) => {
      ordinary++
      return write(...values)
    }
    return { socket, got, ordinary: () => ordinary }
  }

  const level = async (socket: GatewaySocket, write: Write) => {
    await until('the handshake has left', () => socket.conn.transport.writable)
    return (offset: number, padding?: string) => write(socket.conn, notices(offset, padding))
  }

  it('is taken to a socket that is level, and arrives as an event like any other', async () => {
    const { socket, got, ordinary } = await open()
    const send = await level(socket, createWriter(log))
    send(1)
    send(2)
    await until('both arrive', () => got.length === 2)
    expect(got).to.deep.equal([1, 2])
    expect(ordinary()).to.equal(0)
  })

  it('overtakes nothing that was sent in the ordinary way, and is not overtaken', async () => {
    const { socket, got, ordinary } = await open()
    const send = await level(socket, createWriter(log))
    for (let offset = 1; offset <= 300; offset++) {
      if (offset % 7 === 0)
        socket.emit('gap', { room: GROUP, reason: 'trimmed', position: { epoch: 'e', offset } })
      else send(offset)
      if (offset % 11 === 0) await until('the socket is level again', () => socket.conn.transport.writable)
    }
    await until('all arrive', () => got.length === 300)
    expect(got).to.deep.equal(Array.from({ length: 300 }, (_, i) => i + 1))
    expect(ordinary()).to.be.within(1, 299)
  })

  it('is not taken to a socket that does not read as fast as it is written to', async () => {
    const { socket, got, ordinary } = await open()
    const send = await level(socket, createWriter(log))
    // More than the system holds for a connection, in one turn, in which nobody reads.
    for (let offset = 1; offset <= 200; offset++) send(offset, 'x'.repeat(100_000))
    expect(ordinary()).to.be.greaterThan(50)
    await until('all arrive', () => got.length === 200)
    expect(got).to.deep.equal(Array.from({ length: 200 }, (_, i) => i + 1))
  })

  it('is not taken with a version of Socket.IO that it was not tried with', async () => {
    const { socket, got, ordinary } = await open()
    const send = await level(socket, createWriter(log, '5.0.0'))
    send(1)
    await until('it arrives', () => got.length === 1)
    expect(ordinary()).to.equal(1)
  })

  it('is harmless for a socket that is gone', async () => {
    const { socket } = await open()
    const send = await level(socket, createWriter(log))
    const gone = once(socket, 'disconnect')
    socket.conn.close()
    send(1)
    await gone
    send(2)
    expect(socket.connected).to.equal(false)
  })
})
