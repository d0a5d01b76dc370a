import { once } from 'node:events'
import { copyFileSync, readFileSync } from 'node:fs'
import { createServer as createSecureServer } from 'node:https'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { expect } from 'chai'
import { pino } from 'pino'
import { createForwarder } from '../../server/receiver/relay/forwarder.ts'
import type { RelayedRequest } from '../../server/receiver/relay/relayed-request.ts'
import { makeCertificate } from '../support/certificate.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { APP } from '../support/gateway-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'

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
const log = pino({ level: 'silent' })

type Files = ReturnType<typeof makeCertificate>

describe('the forwarder', () => {
  const onCleanUp = cleanUpAfterEach()

  async function listen(server: Server): Promise<number> {
    onCleanUp(() => server.close())
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return (server.address() as AddressInfo).port
  }

  function forwarderTo(url: string, tls = {}) {
    const forwarder = createForwarder({ url, app: APP, token: undefined, tls }, { log })
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

  it('shows the certificate that its files contain now', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const [theirs, own, renewed] = ['theirs', 'own', 'renewed'].map((name) =>
      makeCertificate(folder.path, name),
    ) as [Files, Files, Files]
    const [cert, key, ...ca] = [theirs.cert, theirs.key, own.cert, renewed.cert].map((file) =>
      readFileSync(file),
    )
    const shown: string[] = []
    const options = { cert, key, ca, requestCert: true }
    const server = createSecureServer(options, ({ socket }, response) => {
      shown.push(String((socket as TLSSocket).getPeerCertificate().subject.CN))
      response.writeHead(200, { Connection: 'close' }).end('{}')
    })
    const forwarder = forwarderTo(`https://localhost:${await listen(server)}/`, { ca: theirs.cert, ...own })
    await forwarder.forward(REQUEST, TIMES)
    copyFileSync(renewed.cert, own.cert)
    copyFileSync(renewed.key, own.key)
    await waitUntil('the new one is shown', async () => {
      expect(await forwarder.forward(REQUEST, TIMES)).to.include({ kind: 'answered' })
      return shown.at(-1) === 'renewed'
    })
    expect(shown[0]).to.equal('own')
  })

  it('opens another connection every minute, as the name may have another address', async () => {
    const used: unknown[] = []
    const server = createHttpServer(({ socket }, response) => {
      used.push(socket.remotePort)
      response.end('{}')
    })
    const forwarder = forwarderTo(`http://127.0.0.1:${await listen(server)}/`)
    const realNow = Date.now
    onCleanUp(() => void (Date.now = realNow))
    const send = async (ageMs: number): Promise<unknown> => {
      Date.now = () => realNow() + ageMs
      expect(await forwarder.forward(REQUEST, TIMES)).to.include({ kind: 'answered' })
      Date.now = realNow
      return used.at(-1)
    }
    const first = await send(0)
    await waitUntil('it is used again', async () => (await send(59_000)) === first)
    for (let i = 0; i < 20; i++) expect(await send(61_000)).to.not.equal(first)
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

  it('reads Retry-After in seconds and in every form of a date', async () => {
    const asked = new Date(Math.ceil(Date.now() / 1_000) * 1_000 + 60_000)
    const [, day = '', month = '', year = '', time = ''] =
      /, (\d+) (\w+) (\d+) ([\d:]+) GMT/.exec(asked.toUTCString()) ?? []
    const forms = ['60', asked.toUTCString(), `Sun ${month} ${day.replace(/^0/, ' ')} ${time} ${year}`]
    const server = createHttpServer((_, response) => {
      response.writeHead(503, { 'Retry-After': forms[0] }).end()
    })
    const forwarder = forwarderTo(`http://127.0.0.1:${await listen(server)}/`)
    const zone = process.env['TZ']
    onCleanUp(() => (zone === undefined ? delete process.env['TZ'] : (process.env['TZ'] = zone)))
    process.env['TZ'] = 'America/New_York'
    for (; forms.length > 0; forms.shift()) {
      const { retryAfterMs } = (await forwarder.forward(REQUEST, TIMES)) as { retryAfterMs?: number }
      expect(retryAfterMs, forms[0]).to.be.within(50_000, 61_000)
    }
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
