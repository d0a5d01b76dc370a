import { once } from 'node:events'
import { mock } from 'node:test'
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import type { Authorization } from '../../server/auth/authorization.ts'
import type { Principal } from '../../server/auth/principal.ts'
import { RequestTurns } from '../../server/lib/request-turns.ts'
import { TimerWheel } from '../../server/lib/timers.ts'
import { createConnectionLimits } from '../../server/realtime/connection-limits.ts'
import { createHub } from '../../server/realtime/rooms/hub.ts'
import { createPageReader, LocalRooms } from '../../server/realtime/rooms/local-rooms.ts'
import { StreamTransport } from '../../server/realtime/server-sent-events/stream-transport.ts'
import { createStreams } from '../../server/realtime/server-sent-events/streams.ts'
import { Sessions } from '../../server/realtime/sessions/registry.ts'
import { UserBudgets } from '../../server/realtime/sessions/user-budgets.ts'
import { createLogger } from '../../server/telemetry/logger.ts'
import { createMetrics } from '../../server/telemetry/metrics.ts'
import { createRefusals } from '../../server/telemetry/refusals.ts'
import { GatewayError, GOODBYES } from '../../shared/errors.ts'
import { ALLOW_ALL } from '../support/allow-all.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { UNPRESSED } from '../support/unpressed.ts'
import { openRaw } from '../support/raw-connection.ts'
import { createScriptedBroker } from '../support/scripted-broker.ts'
import { waitUntil } from '../support/wait.ts'

const KEEP_ALIVE_MS = 10

describe('a stream that takes long to begin', () => {
  const onCleanUp = cleanUpAfterEach()

  /** Requests a stream whose grant is decided when the test says so. */
  async function request(expiresInMs = 600_000) {
    const log = createLogger('silent')
    const metrics = createMetrics()
    const { broker } = createScriptedBroker(async () => undefined)
    const hub = createHub(metrics)
    let decide: (granted: Promise<number>) => void = () => undefined
    const decision = new Promise<number>((resolve) => (decide = resolve))
    const authorization: Authorization = { ...ALLOW_ALL, authorize: () => decision }
    const streams = createStreams(
      {
        hub,
        broker,
        rooms: new LocalRooms({ batchWindowMs: 0 }, { broker, hub, metrics, log }),
        readPage: createPageReader(broker),
        doubtOf: () => undefined,
        delivery: { greet: () => undefined },
        sessions: new Sessions(),
        connections: createConnectionLimits(
          { max: 9, perAddress: 9 },
          { addressOf: () => '', memory: UNPRESSED, metrics },
        ),
        memory: UNPRESSED,
        authorization,
        timers: new TimerWheel(),
        userBudgets: new UserBudgets(),
        turns: new RequestTurns(),
        metrics,
        refusals: createRefusals(metrics, log),
        log,
      },
      KEEP_ALIVE_MS,
    )
    const principal: Principal = {
      id: 'a',
      role: 'admin',
      grants: [],
      expiresAtMs: Date.now() + expiresInMs,
    }
    const server = createServer((_request, response) => {
      void streams.open(principal, { group: 'g' }, response)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onCleanUp(() => server.close())
    const open = async () => {
      const { socket, received } = await openRaw((server.address() as AddressInfo).port)
      onCleanUp(() => socket.destroy())
      socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      return { socket, received }
    }
    const { received } = await open()
    await waitUntil('the stream waits', () => streams.count() === 1)
    const signs = Date.now() + 5 * KEEP_ALIVE_MS
    await waitUntil('signs of life would have been sent', () => Date.now() > signs)
    expect(received()).to.equal('')
    return { received, open, streams, principal, decide }
  }

  it('begins with the acknowledgement, and shows that it is alive from then on', async () => {
    const { received, principal, decide } = await request()
    decide(Promise.resolve(principal.expiresAtMs))
    await waitUntil('a sign of life', () => received().includes('\n:\n\n'))
    expect(received()).to.match(/^HTTP\/1.1 200 .*text\/event-stream.*event: subscribed/s)
  })

  it('shares one timer with all others, for signs of life as often as ever', async () => {
    const { open, streams, principal, decide } = await request()
    const intervals = mock.method(globalThis, 'setInterval')
    try {
      const others = [await open(), await open(), await open()]
      await waitUntil('all wait', () => streams.count() === 4)
      decide(Promise.resolve(principal.expiresAtMs))
      await waitUntil('signs of life', () =>
        others.every(({ received }) => received().split('\n:\n\n').length > 2),
      )
      const own = intervals.mock.calls.filter(({ arguments: [, ms] }) => ms === KEEP_ALIVE_MS)
      expect(own, 'timers').to.have.length(0)
      // One that has left is not waited for.
      others[0]?.socket.destroy()
      await waitUntil('one has left', () => streams.count() === 3)
    } finally {
      intervals.mock.restore()
    }
  })

  it('can still be refused with a status', async () => {
    const { received, streams, decide } = await request()
    decide(Promise.reject(new GatewayError('ROOM_REFUSED')))
    await waitUntil('the refusal', () => received().includes('ROOM_REFUSED'))
    expect(received()).to.match(/^HTTP\/1.1 403 /)
    await waitUntil('it is not counted any more', () => streams.count() === 0)
  })

  it('is refused when the node stops, and does not begin then', async () => {
    const { received, streams, principal, decide } = await request()
    for (const dismiss of streams.dismissals()) dismiss(GOODBYES.DRAINING)
    await waitUntil('the refusal', () => received().includes('NODE_DRAINING'))
    expect(received()).to.match(/^HTTP\/1.1 503 .*retry-after: 1/is)
    decide(Promise.resolve(principal.expiresAtMs))
    await waitUntil('it is not counted any more', () => streams.count() === 0)
    expect(received()).to.not.include('subscribed')
  })
})

describe('streams on one room', () => {
  it('share the encoding of what is broadcast', () => {
    const metrics = createMetrics()
    const hub = createHub(metrics)
    const written: string[] = []
    const response = {
      destroyed: false,
      writableEnded: false,
      writableLength: 0,
      write: (text: string) => written.push(text),
    } as unknown as ServerResponse
    const dependencies = { hub, metrics, log: createLogger('silent'), onWaiting: () => undefined }
    for (let i = 0; i < 3; i++) new StreamTransport(response, 'admin', dependencies).join({ group: 'g' })
    let encoded = 0
    const notice = { offset: 7, group: 'g', messages: [{ seq: 1 }], recalledAtMs: 1, receivedAtMs: 1 }
    const toJSON = () => {
      encoded++
      return notice
    }
    void hub.broadcast({ group: 'g' }, 'e', [{ ...notice, toJSON } as typeof notice])
    const data = JSON.stringify({ room: { group: 'g' }, epoch: 'e', notices: [notice] })
    expect(written).to.deep.equal(Array(3).fill(`event: messages-recalled\nid: e:7\ndata: ${data}\n\n`))
    expect(encoded).to.equal(1)
  })
})
