import { expect } from 'chai'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server } from 'socket.io'
import { io as connect } from 'socket.io-client'
import { MemoryBudget } from '../../server/lib/memory-budget.ts'
import { PreparedEvent } from '../../server/realtime/rooms/prepared-event.ts'
import { watchConnections } from '../../server/realtime/socket-io/connection-watch.ts'
import { Heartbeat } from '../../server/realtime/socket-io/heartbeat.ts'
import type { Connection, GatewaySocket, GatewaySockets } from '../../server/realtime/socket-io/internals.ts'
import { createWriter } from '../../server/realtime/socket-io/socket-transport.ts'
import { createLogger } from '../../server/telemetry/logger.ts'
import { createMetrics } from '../../server/telemetry/metrics.ts'
import { createRefusals } from '../../server/telemetry/refusals.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'
import { resumeReading, stall, terminate } from '../support/web-socket.ts'

const log = createLogger('silent')
const FRAME_BYTES = 50_000

const event = (offset: number) =>
  new PreparedEvent('messages-recalled', {
    room: { group: 'g' },
    epoch: 'e'.repeat(FRAME_BYTES),
    notices: [{ offset, group: 'g', messages: [{ seq: offset }], recalledAtMs: 1 }],
  })

describe('what waits for sockets', () => {
  const onCleanUp = cleanUpAfterEach()

  /** A real server with a budget of this many bytes, and two clients. */
  async function open(bytes: number) {
    const http = createServer()
    const io: GatewaySockets = new Server(http, { transports: ['websocket'], perMessageDeflate: false })
    onCleanUp(() => new Promise<void>((resolve) => void io.close(() => resolve())))
    const metrics = createMetrics()
    const memory = new MemoryBudget(
      { bytes, isNearLimit: () => false },
      { onPressure: () => undefined, onRelief: () => undefined, onFailure: () => undefined },
    )
    const heartbeat = new Heartbeat(30_000)
    const refusals = createRefusals(metrics, log)
    const watch = watchConnections(io, { heartbeat, memory, metrics, refusals, log })
    onCleanUp(() => {
      watch.stop()
      memory.stop()
    })
    io.engine.on('connection', (connection: Connection) => watch.add(connection, () => undefined))
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
    const { port } = http.address() as AddressInfo
    const clients = [0, 1].map(() =>
      connect(`http://127.0.0.1:${port}`, { transports: ['websocket'], forceNew: true, reconnection: false }),
    )
    onCleanUp(() => clients.forEach(terminate))
    const sockets = () => [...io.of('/').sockets.values()]
    await waitUntil('both are connected', () => sockets().length === 2)
    const write = createWriter(log, watch)
    return { clients, sockets, write, memory }
  }

  /** Writes events to these sockets until the system takes no more, and then so many more. */
  function fill(
    sockets: readonly GatewaySocket[],
    write: ReturnType<typeof createWriter>,
    memory: MemoryBudget,
    more: number,
  ) {
    let [offset, left] = [0, more]
    while (left > 0) {
      const one = event(++offset)
      for (const { conn } of sockets) write(conn, one)
      void memory.check()
      if (memory.state().waitingBytes > 0) left--
    }
  }

  it('counts a shared event once, however many it waits for', async () => {
    const { clients, sockets, write, memory } = await open(2 ** 30)
    for (const client of clients) stall(client)
    fill(sockets(), write, memory, 10)
    // The frame, and the text beside it. The first sockets to wait may be one event ahead.
    expect(memory.state().waitingBytes / (2 * FRAME_BYTES)).to.be.within(9, 13)
  })

  it('is dropped when the budget is used up: the client is told, and when to return', async () => {
    const { clients, sockets, write, memory } = await open(20 * FRAME_BYTES)
    const [slow] = clients
    const goodbyes: { code: number; retryInMs: number }[] = []
    slow?.on('goodbye', (goodbye) => goodbyes.push(goodbye))
    stall(slow)
    const socket = sockets().find(({ id }) => id === slow?.id)
    fill(socket ? [socket] : [], write, memory, 20)
    await waitUntil('it is being closed', () => socket?.conn.readyState !== 'open')
    await memory.check()
    expect(memory.state().waitingBytes).to.be.below(10 * FRAME_BYTES)
    resumeReading(slow)
    await waitUntil('it is told', () => goodbyes.length > 0)
    expect(goodbyes[0]?.code).to.equal(4003)
    expect(goodbyes[0]?.retryInMs).to.be.within(2_000, 10_000)
    await waitUntil('nothing waits any more', async () => {
      await memory.check()
      return memory.state().waitingBytes === 0
    })
    expect(memory.isPressed()).to.equal(false)
    expect(sockets()).to.have.length(1)
  })
})
