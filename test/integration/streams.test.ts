import { readdirSync, readlinkSync } from 'node:fs'
import { expect } from 'chai'
import { adminToken, makeToken } from '../support/client.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { openStream } from '../support/http-api.ts'
import { openRaw } from '../support/raw-connection.ts'
import { readMetric } from '../support/read-metric.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

/** What a file descriptor of a process refers to; empty once it is closed. */
function linkOf(pid: number, file: string): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/${file}`)
  } catch {
    return ''
  }
}

describe('streams', () => {
  const onCleanUp = cleanUpAfterEach()
  const start = async (settings: Readonly<Record<string, string>> = {}): Promise<GatewayProcess> => {
    const gateway = await startGatewayProcess(settings)
    onCleanUp(gateway.stop)
    return gateway
  }
  const open = async ({ port }: GatewayProcess, text: string) => {
    const connection = await openRaw(port)
    onCleanUp(() => connection.socket.destroy())
    connection.socket.write(text)
    return connection
  }
  const requestText = (path: string, token: string): string =>
    `GET ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n\r\n`

  it('are sent away one after the other while the node stops, as sockets are', async () => {
    const gateway = await start({ DRAIN_MS: '4000' })
    const admin = await adminToken()
    const streams = await Promise.all(
      Array.from({ length: 10 }, () => openStream(gateway.url, 'group=g', admin)),
    )
    for (const stream of streams) {
      onCleanUp(stream.close)
      await stream.first('subscribed')
    }
    gateway.signal('SIGTERM')
    const goodbyes = await Promise.all(
      streams.map(async (stream) => ({ ...(await stream.first('goodbye')).data, atMs: Date.now() })),
    )
    for (const goodbye of goodbyes) expect(goodbye).to.include({ code: 4000 }).and.have.property('retryInMs')
    const times = goodbyes.map(({ atMs }) => atMs)
    expect(Math.max(...times) - Math.min(...times)).to.be.above(1_000)
    expect(await gateway.exited).to.equal(0)
  })

  it('are found slow once, and closed soon, also if their peer reads nothing', async () => {
    const gateway = await start()
    const { socket, received } = await open(gateway, requestText('/v1/stream?group=g', await adminToken()))
    await waitUntil('the stream begins', () => received().includes('subscribed'))
    socket.pause()
    const MsgId = 'x'.repeat(200)
    let seq = 0
    const recall = () =>
      postWebhook(gateway.url, {
        body: recallBody({
          GroupId: 'g',
          MsgSeqList: Array.from({ length: 1_000 }, () => ({ MsgSeq: ++seq, MsgId })),
        }),
      })
    const slow = () => readMetric(gateway.url, 'sockets_too_slow_total')
    await waitUntil('it is found slow', async () => {
      await recall()
      return (await slow()) > 0
    })
    expect(await readMetric(gateway.url, 'most_waiting_bytes')).to.be.above(2 ** 20)
    for (let i = 0; i < 3; i++) await recall()
    await waitUntil('it is closed', async () => (await readMetric(gateway.url, 'sockets')) === 0)
    expect(await slow()).to.equal(1)
    expect(gateway.output().match(/slow consumer disconnected/g)).to.have.length(1)
  })

  it('and files are released with their connection, however many were requested on it', async () => {
    const gateway = await start()
    const token = await makeToken({ rooms: [{ group: 'g' }] })
    const openScripts = (): number =>
      readdirSync(`/proc/${gateway.pid}/fd`).filter((file) => linkOf(gateway.pid, file).endsWith('client.js'))
        .length
    const sockets = () => readMetric(gateway.url, 'sockets')
    expect(await sockets()).to.equal(0)
    for (const text of [
      requestText('/v1/stream?group=g', token),
      'GET /client.js HTTP/1.1\r\nHost: a\r\n\r\n',
    ]) {
      // As many as may wait, and far more.
      for (const requests of [11, 900]) {
        const { socket, received } = await open(gateway, text.repeat(requests))
        await waitUntil('it is served or cut', () => received() !== '' || socket.closed)
        expect(await sockets()).to.be.at.most(1)
        socket.destroy()
      }
    }
    await waitUntil('no stream is left', async () => (await sockets()) === 0)
    await waitUntil('no file is left', () => openScripts() === 0)
  })

  it('and other requests with wrong tokens on one connection are judged one after the other', async () => {
    const gateway = await start()
    let text = ''
    for (let i = 0; i < 5; i++) {
      const { socket, received } = await open(
        gateway,
        requestText('/v1/position?group=g', 'nonsense').repeat(11),
      )
      await waitUntil('all are answered', () => received().split('HTTP/1.1 ').length === 12)
      text += received()
      socket.destroy()
    }
    expect(text.match(/HTTP\/1.1 \d+/g)).to.deep.equal([
      ...Array.from({ length: 30 }, () => 'HTTP/1.1 401'),
      ...Array.from({ length: 25 }, () => 'HTTP/1.1 429'),
    ])
  })
})
