import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import type { Socket } from 'node:net'
import { expect } from 'chai'
import { adminToken, connect } from '../support/client.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { readMetric } from '../support/read-metric.ts'
import { startRedis } from '../support/redis-server.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { withTimeout, waitUntil } from '../support/wait.ts'
import { maskedFrame as frame, resumeReading, stall } from '../support/web-socket.ts'
import { postWebhook, recallBody, signedQuery } from '../support/webhook.ts'

const query = () => new URLSearchParams(signedQuery()).toString()

describe('a peer that violates the protocol', () => {
  const onCleanUp = cleanUpAfterEach()
  let gateway: GatewayProcess
  beforeEach(async () => {
    gateway = await startGatewayProcess()
    onCleanUp(gateway.stop)
  })

  /** Opens a TCP connection and sends this text. `received` returns what has arrived so far. */
  const send = async (
    text: string,
    port = gateway.port,
  ): Promise<{ socket: Socket; received: () => string }> => {
    const socket = connectTcp(port, '127.0.0.1')
    onCleanUp(() => socket.destroy())
    let received = ''
    socket.setEncoding('latin1').on('data', (part: string) => (received += part))
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    socket.write(text)
    return { socket, received: () => received }
  }
  /** Starts a gateway that only receives webhooks. */
  const startReceiver = async (): Promise<GatewayProcess> => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const receiver = await startGatewayProcess({ ROLE: 'receiver', REDIS_URL: redis.url })
    onCleanUp(receiver.stop)
    return receiver
  }
  const openWebSocket = async () => {
    const key = 'dGhlIHNhbXBsZSBub25jZQ=='
    const opened = await send(
      `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
    )
    await waitUntil('the WebSocket opens', () => opened.received().includes('101 Switching'))
    return opened
  }

  it('has its webhook accepted although it asks to upgrade to another protocol', async () => {
    for (const upgrade of ['h2c', 'websocket']) {
      const body = JSON.stringify(recallBody({ GroupId: upgrade }))
      const { received } = await send(
        `POST /webhook?${query()} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: ${upgrade}\r\n` +
          `HTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      )
      await waitUntil(`the response to ${upgrade} arrives`, () => received().includes('"ActionStatus":"OK"'))
    }
  })

  it('receives 404 when it asks for a WebSocket where there is none', async () => {
    const receiver = await startReceiver()
    for (const [port, path] of [
      [gateway.port, '/elsewhere'],
      [receiver.port, '/socket.io/?EIO=4&transport=websocket'],
    ] as const) {
      const { received } = await send(
        `GET ${path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
        port,
      )
      await waitUntil(`the response at ${path} arrives`, () => received().startsWith('HTTP/1.1 404'))
    }
  })

  it('receives 413 immediately when it announces a body that is too large', async () => {
    const { received } = await send(
      `POST /webhook?${query()} HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n{`,
    )
    await waitUntil('the response arrives', () => received().includes('BODY_TOO_LARGE'))
  })

  it('is disconnected when it sends pings without reading the pongs, without a token', async () => {
    const { socket } = await openWebSocket()
    socket.pause()
    const closed = new Promise((resolve) => socket.once('close', resolve))
    const ping = Buffer.concat([Buffer.from([0x89, 0xfd, 0, 0, 0, 0]), Buffer.alloc(125, 1)])
    const flood = Buffer.concat(Array.from({ length: 2_000 }, () => ping))
    const write = (): void => {
      while (!socket.destroyed && socket.write(flood));
    }
    socket.on('drain', write)
    write()
    await waitUntil('the gateway disconnects it', () => gateway.output().includes('frames in a second'))
    socket.resume()
    await withTimeout('the connection closes', closed)
  })

  it('cannot open a second socket on one connection', async () => {
    const token = await adminToken()
    const { socket, received } = await openWebSocket()
    const open = frame(`40${JSON.stringify({ token })}`)
    socket.write(Buffer.concat([open, open, open]))
    // A close frame, which this peer does not answer.
    await waitUntil('the gateway closes the connection', () => received().includes('\x88'))
    expect(received().split('40{"sid"')).to.have.length.at.most(2)
  })

  describe('is disconnected, counted and logged', () => {
    /** Opens a WebSocket, with a token or without, and returns it once the token is accepted. */
    const openSocket = async (token?: string) => {
      const opened = await openWebSocket()
      if (token === undefined) return opened
      opened.socket.write(frame(`40${JSON.stringify({ token })}`))
      await waitUntil('the handshake', () => opened.received().includes('40{"sid"'))
      return opened
    }
    const CLOSE_FRAME = '\x88'
    const expectClosed = async (
      { socket, received }: Awaited<ReturnType<typeof openWebSocket>>,
      reason: string,
    ): Promise<void> => {
      await waitUntil('it is closed', () => socket.closed || received().includes(CLOSE_FRAME))
      await waitUntil('the reason is logged', () => gateway.output().includes(reason))
      await waitUntil('no socket is counted', async () => (await readMetric(gateway.url, 'sockets')) === 0)
    }

    for (const isAuthenticated of [false, true]) {
      const token = async () => (isAuthenticated ? await adminToken() : undefined)
      describe(isAuthenticated ? 'with a token' : 'without a token', () => {
        it('when it sends a message in many fragments', async () => {
          const opened = await openSocket(await token())
          const more = Array.from({ length: 16 }, () => frame('x', 'more'))
          opened.socket.write(Buffer.concat([frame('2', 'first'), ...more]))
          await expectClosed(opened, 'Too many message fragments')
        })

        it('when it sends a message byte by byte', async () => {
          const opened = await openSocket(await token())
          opened.socket.setNoDelay()
          const bytes = frame('2'.repeat(10_000))
          for (let i = 0; i < bytes.length && !opened.received().includes(CLOSE_FRAME); i++) {
            opened.socket.write(bytes.subarray(i, i + 1))
            await new Promise((resolve) => setImmediate(resolve))
          }
          await expectClosed(opened, 'Too many buffered chunks')
        })

        it('when it asks for another namespace', async () => {
          const opened = await openSocket(await token())
          opened.socket.write(frame('40/other,'))
          await expectClosed(opened, 'there is no other namespace')
          expect(opened.received()).to.include('44/other,{"message":"Invalid namespace"}')
        })
      })
    }

    it('when it sends a message that does not end', async () => {
      const opened = await openSocket(await adminToken())
      opened.socket.write(frame('2', 'first'))
      await expectClosed(opened, 'a message does not end')
    })

    it('when it says that it closes the connection', async () => {
      const opened = await openSocket(await adminToken())
      opened.socket.write(frame('1'))
      await expectClosed(opened, 'gateway started')
    })

    it('when it leaves its socket and keeps the connection', async () => {
      const opened = await openSocket(await adminToken())
      opened.socket.write(frame('41'))
      await expectClosed(opened, 'gateway started')
    })
  })

  for (const [description, text] of Object.entries({
    'names of a megabyte': `42["subscribe",{"group":"${'x'.repeat(2 ** 20)}"}]`,
    'a token of a megabyte': `40{"token":"${'x'.repeat(2 ** 20)}"}`,
    'a message without an end': '451000000000-["subscribe",{"_placeholder":true,"num":0}]',
  })) {
    it(`is disconnected when it sends ${description}, and others are still served`, async () => {
      const token = await adminToken()
      for (const first of [[], [frame(`40${JSON.stringify({ token })}`)]]) {
        const { socket, received } = await openWebSocket()
        for (const part of first) socket.write(part)
        if (first.length > 0) await waitUntil('the handshake', () => received().includes('40{"sid"'))
        socket.write(frame(text))
        // A close frame, or the end of the connection.
        await waitUntil(
          'the gateway closes the connection',
          () => received().includes('\x88') || socket.readableEnded,
        )
      }
      const client = await connect(gateway.url, token)
      onCleanUp(client.close)
      await client.subscribe({ group: 'g' })
      expect(gateway.output()).to.not.include('"level":"error"')
    })
  }

  it('receives megabytes of missed notices no faster than it reads', async () => {
    const RECALLS = 40
    const client = await connect(gateway.url, await adminToken())
    onCleanUp(client.close)
    const { position } = await client.subscribe({ group: 'g' })
    await client.request({ group: 'g' }, 'unsubscribe')
    for (let i = 0; i < RECALLS; i++) {
      const MsgSeqList = Array.from({ length: 1_000 }, (_, j) => ({
        MsgSeq: i * 1_000 + j + 1,
        MsgId: 'x'.repeat(200),
      }))
      await postWebhook(gateway.url, { body: recallBody({ GroupId: 'g', MsgSeqList }) })
    }
    stall(client.socket)
    const response = client.request({ group: 'g', since: position })
    await waitUntil(
      'the send buffer is filled',
      async () => (await readMetric(gateway.url, 'most_waiting_bytes')) > 0,
    )
    for (let check = 0; check < 20; check++)
      expect(await readMetric(gateway.url, 'most_waiting_bytes')).to.be.below(512 * 1024)
    resumeReading(client.socket)
    expect(await response).to.include({ recovered: RECALLS })
    await waitUntil('all notices have arrived', () => client.received.length === RECALLS)
    expect(await readMetric(gateway.url, 'sockets_too_slow_total')).to.equal(0)
  })

  it('does not prevent the gateway from exiting with 0 when it stops reading', async () => {
    const { socket } = await openWebSocket()
    socket.pause()
    gateway.signal('SIGTERM')
    expect(await withTimeout('the gateway exits', gateway.exited)).to.equal(0)
  })
})
