import type { IncomingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import { expect } from 'chai'
import { pino } from 'pino'
import { createConnectionLimits } from '../../server/realtime/connection-limits.ts'
import { createHub } from '../../server/realtime/rooms/hub.ts'
import { createSocketServer } from '../../server/realtime/socket-io/server.ts'
import { createMetrics } from '../../server/telemetry/metrics.ts'
import { createRefusals } from '../../server/telemetry/refusals.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { UNPRESSED } from '../support/unpressed.ts'

const log = pino({ level: 'silent' })

/** The end of a connection: what was written to it. */
class Written extends Duplex {
  text = ''

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString('latin1')
    done()
  }
}

describe('handshakes that wait for their turn', () => {
  const onCleanUp = cleanUpAfterEach()

  function open(isPressed = () => false) {
    const metrics = createMetrics()
    const memory = { ...UNPRESSED, isPressed }
    const connections = createConnectionLimits(
      { max: 10_000, perAddress: 10_000 },
      { addressOf: () => '', memory, metrics },
    )
    const hub = createHub(metrics)
    const server = createSocketServer({
      ...({} as Parameters<typeof createSocketServer>[0]),
      heartbeatMs: 10_000,
      isAllowedOrigin: () => true,
      connections,
      memory,
      hub,
      metrics,
      log,
      refusals: createRefusals(metrics, log),
    })
    onCleanUp(() => server.stop())
    /** Asks to open a WebSocket. `head` comes together with the request. */
    function ask(padding = '', head: Buffer = Buffer.alloc(0)): Written {
      const socket = new Written()
      const headers = {
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        padding,
      }
      const request = {
        url: '/socket.io/?EIO=4&transport=websocket',
        httpVersion: '1.1',
        headers,
        rawHeaders: Object.entries(headers).flat(),
        socket,
      }
      server.accept(request as unknown as IncomingMessage, socket, head)
      return socket
    }
    return { server, connections, ask }
  }

  it('are refused at once while memory is short', () => {
    expect(open(() => true).ask().text).to.match(/^HTTP\/1.1 503 [^]*NODE_FULL[^]*its memory is used up/)
  })

  it('are refused when the node stops, before and after', () => {
    const { server, connections, ask } = open()
    const waiting = ask()
    connections.drain()
    expect(waiting.text).to.equal('')
    server.stop()
    expect(waiting.text).to.match(/^HTTP\/1.1 503 [^]*NODE_DRAINING/)
    expect(ask().text).to.match(/^HTTP\/1.1 503 [^]*NODE_DRAINING/)
  })

  for (const [what, padding, head] of [
    ['their headers take', 'x'.repeat(48_000), Buffer.alloc(0)],
    ['what came with them takes', '', Buffer.alloc(48_000)],
  ] as const)
    it(`are refused at once when ${what} too much`, () => {
      const { server, connections, ask } = open()
      const asked = Array.from({ length: 400 }, () => ask(padding, head))
      // Beyond some that linger, they are not told.
      const refused = asked.filter(({ text, destroyed }) => text !== '' || destroyed)
      expect(refused.length).to.be.within(50, 60)
      for (const { text } of refused.filter(({ destroyed }) => !destroyed))
        expect(text).to.match(/^HTTP\/1.1 503 [^]*too many handshakes wait/)
      connections.drain()
      server.stop()
    })
})
