import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { text } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import { expect } from 'chai'
import { io } from 'socket.io-client'
import { makeCertificate } from '../support/certificate.ts'
import { adminToken } from '../support/client.ts'
import { runGateway, startGatewayProcess } from '../support/gateway-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { openRaw } from '../support/raw-connection.ts'
import { withTimeout, waitUntil } from '../support/wait.ts'
import { recallBody, signedQuery } from '../support/webhook.ts'

describe('TLS', () => {
  const onCleanUp = cleanUpAfterEach()

  const start = async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const files = makeCertificate(folder.path, 'first')
    const gateway = await startGatewayProcess({
      TLS_CERT: files.cert,
      TLS_KEY: files.key,
      TEST_RECALLS: 'on',
    })
    onCleanUp(gateway.stop)
    return { gateway, files, folder }
  }
  const nameServed = (port: number, options = {}) =>
    new Promise<string>((resolve, reject) => {
      const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN))
        socket.destroy()
      })
      socket.on('error', reject)
    })

  it('is named in the log of a gateway that speaks plain HTTP', async () => {
    const gateway = await startGatewayProcess()
    onCleanUp(gateway.stop)
    await nameServed(gateway.port).then(expect.fail, () => undefined)
    await waitUntil('it is told', () =>
      gateway.output().includes('it is TLS, and this port speaks plain HTTP'),
    )
  })

  it('carries webhooks and sockets', async () => {
    const { gateway, files } = await start()
    const ca = readFileSync(files.cert, 'utf8')
    const url = `https://127.0.0.1:${gateway.port}`
    const token = await adminToken()
    const socket = io(url, {
      transports: ['websocket'],
      ca,
      auth: { token },
      forceNew: true,
    })
    onCleanUp(() => socket.close())
    const response = (await withTimeout(
      'the response arrives',
      socket.emitWithAck('subscribe', { group: 'g' }),
    )) as unknown
    expect(response).to.include({ ok: true })
    const arrived = new Promise((resolve) => socket.once('messages-recalled', resolve))
    const query = new URLSearchParams(signedQuery()).toString()
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const post = request(`${url}/webhook?${query}`, { method: 'POST', ca }, (incoming) => {
        resolve(incoming.statusCode)
        incoming.resume()
      })
      post.on('error', reject).end(JSON.stringify(recallBody({ GroupId: 'g' })))
    })
    expect(status).to.equal(200)
    await withTimeout('the notice arrives', arrived)
    // The gateway reaches its own door, which has the certificate of another name.
    const answer = await new Promise<string>((resolve, reject) => {
      const headers = { Authorization: `Bearer ${token}` }
      const post = request(`${url}/v1/test-recall`, { method: 'POST', ca, headers }, (incoming) => {
        text(incoming).then(resolve, reject)
      })
      post.on('error', reject).end(JSON.stringify({ group: 'g', seqs: [1] }))
    })
    expect(JSON.parse(answer)).to.include({ ok: true, throughReceiver: true })
  })

  it('requires version 1.2 or later, and refuses plain HTTP', async () => {
    const { gateway } = await start()
    expect(await nameServed(gateway.port)).to.equal('first')
    const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }
    expect(await nameServed(gateway.port, old).catch(() => 'refused')).to.equal('refused')
    const plain = await fetch(`http://127.0.0.1:${gateway.port}/livez`).catch(() => 'refused')
    expect(plain).to.equal('refused')
    await waitUntil('both are counted and logged', async () => {
      const lines = gateway.output().match(/"code":"TLS_FAILED"/g) ?? []
      return lines.length === 2
    })
  })

  it('is given up after ten seconds of silence', async () => {
    const { gateway } = await start()
    const { closed } = await openRaw(gateway.port)
    const began = performance.now()
    await closed(60_000)
    expect(performance.now() - began).to.be.below(30_000)
    await waitUntil('it is logged', () => gateway.output().includes('TLS_FAILED'))
  })

  it('reloads the certificate when the files change, and keeps the old one when they are invalid', async () => {
    const { gateway, files, folder } = await start()
    const next = makeCertificate(folder.path, 'second')
    writeFileSync(files.cert, 'half a certificate')
    await waitUntil('the invalid certificate is noticed', () =>
      gateway.output().includes('keeping the old one'),
    )
    expect(await nameServed(gateway.port)).to.equal('first')
    copyFileSync(next.key, files.key)
    copyFileSync(next.cert, files.cert)
    await waitUntil('the new one is served', async () => (await nameServed(gateway.port)) === 'second')
  })

  it('requires a certificate and its matching key', async () => {
    const { folder, files } = await start()
    const other = makeCertificate(folder.path, 'other')
    const settings = { SDK_APP_ID: '1400000000', WEBHOOK_TOKEN: 't', JWT_SECRET: 'j'.repeat(32), PORT: '0' }
    const outputOf = async (tls: Readonly<Record<string, string>>) => {
      const { exited, output } = runGateway(['start'], { ...settings, DATA_DIR: folder.path, ...tls })
      expect(await withTimeout('the gateway exits', exited)).to.equal(1)
      return output()
    }
    expect(await outputOf({ TLS_CERT: files.cert })).to.include('TLS_KEY is missing')
    expect(await outputOf({ TLS_CERT: files.cert, TLS_KEY: other.key })).to.match(/START_FAILED.*mismatch/)
    const missing = await outputOf({ TLS_CERT: '/nowhere', TLS_KEY: files.key })
    expect(missing).to.match(/START_FAILED.*cannot read the file of TLS_CERT: ENOENT.*\/nowhere/)
  })
})
