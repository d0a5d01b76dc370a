import { expect } from 'chai'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server } from 'socket.io'
import { io } from 'socket.io-client'
import { GOODBYES } from '../../shared/errors.ts'
import type { GatewaySocket, GatewaySockets } from '../../server/realtime/socket-io/internals.ts'
import { answerOf, onRequest, tell } from '../../server/realtime/socket-io/request-internals.ts'
import type { Ack } from '../../server/realtime/socket-io/request-internals.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'

const HELLO = { expiresInMs: 1, silenceMs: 2, protocolVersion: 3 }
const REFUSED = { ok: false, code: 'ROOM_REFUSED', message: 'no', retry: false } as const

for (const isTested of [true, false]) {
  describe(`requests of a socket, ${isTested ? 'past' : 'through'} Socket.IO`, () => {
    const onCleanUp = cleanUpAfterEach()

    /** A real server and client. `values` are those of each request; the server acknowledges what `respond` says. */
    async function open(respond: (ack: Ack, socket: GatewaySocket) => void) {
      const http = createServer()
      const server: GatewaySockets = new Server(http, { transports: ['websocket'], perMessageDeflate: false })
      onCleanUp(() => new Promise<void>((resolve) => void server.close(() => resolve())))
      http.listen(0, '127.0.0.1')
      await once(http, 'listening')
      const requests: unknown[] = []
      let throughEngine = 0
      const shortcuts = { isTested, wrote: () => undefined }
      server.on('connection', (socket) => {
        const write = socket.conn.write.bind(socket.conn)
        socket.conn.write = (...values) => {
          throughEngine++
          return write(...values)
        }
        tell(socket, 'hello', HELLO, shortcuts)
        const answer = answerOf(socket, 7, shortcuts)
        for (const response of [REFUSED, { ...REFUSED, message: 'later' }]) answer(response)
        const listener = (name: string, values: readonly unknown[], ack: Ack): void => {
          requests.push([name, ...values])
          respond(ack, socket)
        }
        onRequest(socket, listener, shortcuts)
      })
      const client = io(`http://127.0.0.1:${(http.address() as AddressInfo).port}`, {
        transports: ['websocket'],
      })
      onCleanUp(async () => void client.disconnect())
      const answers: unknown[] = []
      client.on('subscribed', (answer) => answers.push(answer))
      const [hello] = await new Promise<unknown[]>((resolve) => {
        client.on('hello', (...values) => resolve(values))
      })
      expect(hello).to.deep.equal(HELLO)
      return { client, requests, answers, throughEngine: () => throughEngine }
    }

    it('are told with their values, and acknowledged once', async () => {
      const { client, requests, throughEngine } = await open((ack) => {
        ack({ ok: true, room: 'ä' })
        ack({ ok: false })
      })
      for (const values of [[{ group: 'g' }], [], ['a', null, [1]]])
        expect(await client.emitWithAck('subscribe', ...values)).to.deep.equal({ ok: true, room: 'ä' })
      client.emit('subscribe', 'without a callback')
      await client.emitWithAck('last', new Uint8Array([1, 2]))
      expect(requests).to.deep.equal([
        ['subscribe', { group: 'g' }],
        ['subscribe'],
        ['subscribe', 'a', null, [1]],
        ['subscribe', 'without a callback'],
        ['last', Buffer.from([1, 2])],
      ])
      expect(throughEngine()).to.equal(isTested ? 0 : 6)
    })

    it('that came with the handshake are answered once', async () => {
      const { client, answers } = await open((ack) => ack({ ok: true }))
      await client.emitWithAck('last')
      expect(answers).to.deep.equal([{ index: 7, answer: REFUSED }])
    })

    it('are acknowledged behind what was sent before', async () => {
      const { client } = await open((ack, socket) => {
        socket.emit('goodbye', GOODBYES.TOO_SLOW)
        ack({ ok: true })
      })
      const order: string[] = []
      client.on('goodbye', () => order.push('goodbye'))
      await client.emitWithAck('subscribe')
      expect(order).to.deep.equal(['goodbye'])
    })
  })
}
