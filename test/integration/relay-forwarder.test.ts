import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer as createSecureServer } from 'node:https'
import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { expect } from 'chai'
import { createForwarder } from '../../server/receiver/relay/forwarder.ts'
import type { RelayedRequest } from '../../server/receiver/relay/relayed-request.ts'
import { makeCertificate } from '../support/certificate.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { APP } from '../support/gateway-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const REQUEST: RelayedRequest = {
  id: 'one',
  command: 'Group.CallbackAfterSendMsg',
  lane: 'a',
  method: 'POST',
  pathSuffix: '',
  query: 'SdkAppid=1',
  contentType: undefined,
  forwarded: {},
  body: Buffer.from('{}'),
  receivedAtMs: Date.now(),
}
const TIMES = { timeoutMs: 5_000, attempt: 1 }

describe('the forwarder', () => {
  const onCleanUp = cleanUpAfterEach()

  async function listen(server: Server): Promise<number> {
    onCleanUp(() => server.close())
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return (server.address() as AddressInfo).port
  }

  function forwarderTo(url: string, tls = {}) {
    const forwarder = createForwarder({ url, app: APP, token: undefined, tls })
    onCleanUp(forwarder.stop)
    return forwarder
  }

  it('shows its certificate to a backend that asks for it, and believes no other backend', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const [theirs, own] = [makeCertificate(folder.path, 'theirs'), makeCertificate(folder.path, 'own')]
    const [cert, key, ca] = [theirs.cert, theirs.key, own.cert].map((file) => readFileSync(file))
    const server = createSecureServer({ cert, key, ca, requestCert: true }, (_, response) =>
      response.end('{}'),
    )
    const url = `https://localhost:${await listen(server)}/`
    const trusted = { ca: theirs.cert, ...own }
    expect(await forwarderTo(url, trusted).forward(REQUEST, TIMES)).to.include({
      kind: 'answered',
      status: 200,
    })
    for (const tls of [{ ca: theirs.cert }, own])
      expect(await forwarderTo(url, tls).forward(REQUEST, TIMES)).to.include({ kind: 'failed' })
    expect(() => forwarderTo(url, { ca: '/nowhere' })).to.throw('cannot read the file of RELAY_TLS_CA')
    expect(() => forwarderTo(url, { cert: own.cert, key: theirs.key })).to.throw('RELAY_TLS_')
  })

  it('tries again, and says so, if the backend closes an idle connection just then', async () => {
    const seen: string[] = []
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      // The second request on a connection finds it closed.
      socket.once('data', (first: Buffer) => {
        seen.push(first.toString())
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}')
        socket.once('data', () => socket.destroy())
      })
    })
    const forwarder = forwarderTo(`http://127.0.0.1:${await listen(server)}/x`)
    // Some open a connection of their own.
    for (let i = 0; i < 6; i++)
      expect(await forwarder.forward(REQUEST, TIMES)).to.include({ kind: 'answered' })
    expect(seen.map((text) => /Attempt: (\d)/i.exec(text)?.[1])).to.include('2')
  })

  it('ends with its time, and when it is told to', async () => {
    const server = createServer((socket) => void socket.on('error', () => undefined).resume())
    const forwarder = forwarderTo(`http://127.0.0.1:${await listen(server)}/`)
    const late = await forwarder.forward(REQUEST, { timeoutMs: 50, attempt: 1 })
    expect(late).to.deep.equal({ kind: 'failed', reason: 'no answer within 50 ms', isLate: true })
    const signal = AbortSignal.timeout(50)
    expect(await forwarder.forward(REQUEST, { ...TIMES, signal })).to.include({ kind: 'failed' })
  })
})
