import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { expect } from 'chai'
import { connectorTo } from '../../server/broker/redis/connection/connector.ts'
import { makeCertificate } from '../support/certificate.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

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

  it('names the server in the TLS handshake, unless it is an address', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const { cert, key } = makeCertificate(folder.path, 'redis')
    const names: string[] = []
    const server = createTlsServer({
      cert: readFileSync(cert),
      key: readFileSync(key),
      SNICallback(name, done) {
        names.push(name)
        done(null)
      },
    }).listen(0, '127.0.0.1')
    server.on('tlsClientError', () => undefined)
    onCleanUp(() => server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    for (const host of ['localhost', '127.0.0.1']) {
      const Connector = connectorTo(
        { tls: true, masterOnly: false },
        { locate: async () => ({ host, port }) },
      )
      const stream = await new Connector().connect(() => undefined)
      onCleanUp(() => stream.destroy())
      await new Promise((resolve) => stream.once('close', resolve))
    }
    expect(names).to.deep.equal(['localhost'])
  })
})
