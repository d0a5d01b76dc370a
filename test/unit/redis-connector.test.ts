import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { connectorTo } from '../../server/broker/redis/connection/connector.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'

describe('connector', () => {
  const onCleanUp = cleanUpAfterEach()

  for (const tls of [false, true]) {
    it(`survives several errors of its stream${tls ? ' over TLS' : ''}`, async () => {
      const server = createServer((socket) => socket.on('error', () => undefined).end()).listen(
        0,
        '127.0.0.1',
      )
      onCleanUp(() => server.close())
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      const Connector = connectorTo(
        { tls, masterOnly: false },
        { locate: async () => ({ host: '127.0.0.1', port }) },
      )
      const connector = new Connector()
      const stream = await connector.connect(() => undefined)
      onCleanUp(() => stream.destroy())
      stream.emit('error', new Error('first'))
      stream.emit('error', new Error('second'))
      expect(connector).to.have.nested.property('firstError.message', 'first')
    })
  }
})
