import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { Connections } from '../../server/http/connections.ts'
import { createHttpServer } from '../../server/http/server.ts'
import { cutUnreadResponses } from '../../server/http/unread-responses.ts'
import { createLogger } from '../../server/telemetry/logger.ts'
import type { ErrorCode } from '../../shared/errors.ts'
import { asGatewayError } from '../../shared/errors.ts'
import { makeCertificate } from '../support/certificate.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { openRaw } from '../support/raw-connection.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { UNPRESSED } from '../support/unpressed.ts'
import { waitUntil } from '../support/wait.ts'

const log = createLogger('silent')
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`

describe('HTTP server', () => {
  const onCleanUp = cleanUpAfterEach()

  /** Serves `/<text>` by responding with the text, except `/held`, which waits until the test responds. */
  async function start(limits: { maxConnections?: number; maxPerAddress?: number } = {}, secure = false) {
    const held: ServerResponse[] = []
    let released = 0
    const begun: string[] = []
    const refused: ErrorCode[] = []
    let gaveWay = 0
    const handle = (request: IncomingMessage, response: ServerResponse): boolean => {
      begun.push(request.url ?? '')
      response.on('close', () => released++)
      if (request.url === '/held') held.push(response)
      else request.resume().on('end', () => response.end(`${request.url} at ${request.headers.host}`))
      return true
    }
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const server = createHttpServer(
      {
        host: '127.0.0.1',
        port: 0,
        keepAliveMs: 60_000,
        maxConnections: 1_000,
        maxPerAddress: 1_000,
        tls: secure ? makeCertificate(folder.path, 'server') : undefined,
        ...limits,
      },
      {
        handlers: [handle],
        routers: [],
        webSockets: undefined,
        isProxy: ({ socket }) => socket.remoteAddress === '127.0.0.3',
        memory: UNPRESSED,
        metrics: { connectionGaveWay: () => gaveWay++, memoryShed: () => undefined },
        refusals: {
          report(_entrance, reason) {
            const error = asGatewayError(reason)
            refused.push(error.code)
            return error
          },
        },
        log,
      },
    )
    const port = await server.start()
    onCleanUp(server.stop)
    const open = async (from = '127.0.0.1') => {
      const connection = await openRaw(port, { from, secure })
      onCleanUp(() => connection.socket.destroy())
      return connection
    }
    /** Sends this, and returns the status line, or what else was received once the connection is closed. */
    const ask = async (text: string, from?: string): Promise<string> => {
      const { socket, received, isClosed } = await open(from)
      socket.write(text)
      await waitUntil('the response', () => isClosed() || received().includes('\r\n\r\n'))
      socket.destroy()
      return received()
    }
    return { open, ask, held, begun, refused, released: () => released, gaveWay: () => gaveWay }
  }

  for (const secure of [false, true]) {
    describe(`serves pipelined requests ${secure ? 'over TLS' : 'in the clear'}`, () => {
      it('one at a time, in order', async () => {
        const { open, held, begun } = await start({}, secure)
        const { socket, received } = await open()
        socket.write(['/a', '/held', '/b', '/c'].map(get).join(''))
        await waitUntil('the second begins', () => held.length === 1)
        expect(begun).to.deep.equal(['/a', '/held'])
        held[0]?.end('/held')
        await waitUntil('all are answered', () => received().includes('/c at a'))
        expect(received().match(/\/[a-z]+/g)).to.deep.equal(['/a', '/held', '/b', '/c'])
      })

      it('and begins none of those that wait once the connection is gone', async () => {
        const { open, held, begun, released } = await start({}, secure)
        const { socket } = await open()
        socket.write(get('/held').repeat(10))
        await waitUntil('the first begins', () => held.length === 1)
        socket.destroy()
        await waitUntil('it is released', () => released() === 1)
        const other = await open()
        other.socket.write(get('/1'))
        await waitUntil('another connection is served', () => other.received().includes('/1 at a'))
        expect(begun).to.deep.equal(['/held', '/1'])
        expect(released()).to.equal(2)
      })

      it('up to ten that wait, and then cuts the connection', async () => {
        const { open, held, begun, refused, released } = await start({}, secure)
        const { socket, closed } = await open()
        socket.write(get('/held') + get('/x').repeat(2_000))
        await closed()
        await waitUntil('it is released', () => released() === 1)
        expect(held).to.have.length(1)
        expect(begun).to.deep.equal(['/held'])
        expect(refused).to.deep.equal(['TOO_MANY_REQUESTS'])
      })
    })
  }

  it('drops what waits behind a response that closes the connection', async () => {
    const { open, begun } = await start()
    const { socket, closed } = await open()
    socket.write(`${get('/1').replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')}${get('/2')}`)
    expect(await closed())
      .to.include('/1 at a')
      .and.not.include('/2 at a')
    expect(begun).to.deep.equal(['/1'])
  })

  it('responds to a request although the one behind it is refused', async () => {
    const { open, held, refused } = await start()
    const { socket, closed } = await open()
    socket.write(`${get('/held')}nonsense\r\n\r\n`)
    await waitUntil('the second is refused', () => refused.length === 1)
    held[0]?.end('held')
    expect(await closed()).to.match(/ 200 OK.*held.* 400 Bad Request.*REQUEST_MALFORMED/s)
  })

  describe('refuses', () => {
    const post = 'POST / HTTP/1.1\r\nHost: a\r\n'
    for (const [description, text, status, code] of [
      ['two hosts', 'GET / HTTP/1.1\r\nHost: a\r\nhOSt: a\r\n\r\n', 400, 'REQUEST_MALFORMED'],
      ['a host with a user', 'GET / HTTP/1.1\r\nHost: b@a\r\n\r\n', 400, 'REQUEST_MALFORMED'],
      ['a host with a path', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 400, 'REQUEST_MALFORMED'],
      ['a host with another port', 'GET / HTTP/1.1\r\nHost: a:b\r\n\r\n', 400, 'REQUEST_MALFORMED'],
      ['no host', 'GET / HTTP/1.1\r\n\r\n', 400, 'REQUEST_MALFORMED'],
      ['folded headers', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n', 400, 'REQUEST_MALFORMED'],
      ['HTTP/2.0', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 400, 'REQUEST_MALFORMED'],
      ['HTTP/0.9', 'GET /\r\n\r\n', 400, 'REQUEST_MALFORMED'],
      [
        'a length and chunks',
        `${post}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
        400,
        'REQUEST_MALFORMED',
      ],
      [
        'chunks and a length',
        `${post}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n`,
        400,
        'REQUEST_MALFORMED',
      ],
      ['two lengths', `${post}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`, 400, 'REQUEST_MALFORMED'],
      [
        'another encoding',
        `${post}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
        400,
        'REQUEST_MALFORMED',
      ],
      [
        'chunks in HTTP/1.0',
        'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
        400,
        'REQUEST_MALFORMED',
      ],
      ['another expectation', `${post}Expect: tea\r\n\r\n`, 400, 'REQUEST_MALFORMED'],
      ['a request to tunnel', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'REQUEST_MALFORMED'],
      [
        'an upgrade with two hosts',
        'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
        400,
        'REQUEST_MALFORMED',
      ],
      [
        'large headers',
        `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(50_000)}\r\n\r\n`,
        431,
        'HEADERS_TOO_LARGE',
      ],
    ] as const) {
      it(`${description}, with a reason, and counts it`, async () => {
        const { ask, begun, refused } = await start()
        const response = await ask(text)
        expect(response).to.match(new RegExp(`^HTTP/1.1 ${status} `))
        expect(JSON.parse(response.slice(response.indexOf('{')))).to.include({ code, retry: false })
        expect(response).to.match(/^connection: close/im)
        expect(refused).to.deep.equal([code])
        expect(begun).to.deep.equal([])
      })
    }
  })

  it('serves HTTP/1.0, and a target that names the host', async () => {
    const { ask, begun } = await start()
    expect(await ask('GET /1 HTTP/1.0\r\n\r\n')).to.include('/1 at undefined')
    expect(await ask('GET http://b:8/2?http://c/ HTTP/1.1\r\nHost: a\r\n\r\n')).to.include(
      '/2?http://c/ at b:8',
    )
    for (const host of ['', 'a', 'a.b-c_d', 'a:80', '127.0.0.1:80', '[::1]:80'])
      expect(await ask(`GET /1 HTTP/1.1\r\nHost: ${host}\r\n\r\n`), host).to.include('200 OK')
    expect(await ask('GET http://b?3 HTTP/1.1\r\nHost: a\r\n\r\n')).to.include('/?3 at b')
    expect(begun.at(-1)).to.equal('/?3')
  })

  it('continues a request that expects it', async () => {
    const { open } = await start()
    const { socket, received } = await open()
    socket.write('POST /1 HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n')
    await waitUntil('it is told to continue', () => received().includes('100 Continue'))
    socket.write('x')
    await waitUntil('the response', () => received().includes('/1 at a'))
  })

  describe('bounds connections', () => {
    /** Opens connections one after the other, each of which has had a response. */
    const openServed = async ({ open }: Awaited<ReturnType<typeof start>>, count: number, from: string) => {
      const connections = []
      for (let i = 0; i < count; i++) {
        const connection = await open(from)
        connection.socket.write(get('/1'))
        await waitUntil('the response', () => connection.received() !== '')
        connections.push(connection)
      }
      return connections
    }

    for (const secure of [false, true]) {
      it(`of an address: the longest idle one gives way ${secure ? 'over TLS' : 'in the clear'}`, async () => {
        const server = await start({ maxPerAddress: 3 }, secure)
        const [first, second, third] = await openServed(server, 3, '127.0.0.9')
        first?.socket.write(get('/2'))
        await waitUntil('it is used again', () => first?.received().includes('/2'))
        await openServed(server, 1, '127.0.0.9')
        await second?.closed()
        expect([first?.isClosed(), third?.isClosed()]).to.deep.equal([false, false])
        expect(server.gaveWay()).to.equal(1)
      })
    }

    it('of an address: a further one is refused while all are in use, and others are served', async () => {
      const server = await start({ maxPerAddress: 2 })
      for (let i = 0; i < 2; i++) (await server.open('127.0.0.9')).socket.write(get('/held'))
      await waitUntil('both are in use', () => server.held.length === 2)
      const response = await server.ask(get('/1'), '127.0.0.9')
      expect(response).to.match(/^HTTP\/1.1 429 .*retry-after: 1\r\n.*TOO_MANY_CONNECTIONS/is)
      expect(server.refused).to.deep.equal(['TOO_MANY_CONNECTIONS'])
      expect(await server.ask(get('/1'), '127.0.0.2')).to.include('200 OK')
      server.held[0]?.end()
      await waitUntil('a further one is served', async () =>
        (await server.ask(get('/1'), '127.0.0.9')).includes('200 OK'),
      )
    })

    it('but not those of a trusted proxy like one client', async () => {
      const server = await start({ maxPerAddress: 2 })
      const connections = await openServed(server, 5, '127.0.0.3')
      expect(connections.map(({ isClosed }) => isClosed())).to.not.include(true)
    })

    it('of the process: idle ones of the address with most of them give way', async () => {
      const server = await start({ maxConnections: 16 })
      const [other] = await openServed(server, 1, '127.0.0.2')
      const many = await openServed(server, 30, '127.0.0.9')
      expect(await server.ask(get('/1'), '127.0.0.4')).to.include('200 OK')
      expect(other?.isClosed()).to.equal(false)
      await waitUntil(
        'the first ones are closed',
        () => many.filter(({ isClosed }) => isClosed()).length >= 16,
      )
      expect(many.at(-1)?.isClosed()).to.equal(false)
      expect(server.refused).to.deep.equal([])
    })

    it('of the process: shortly before the maximum, those that are about to ask do not give way', async () => {
      const server = await start({ maxConnections: 64 })
      const many = await Promise.all(Array.from({ length: 60 }, () => server.open()))
      for (const { socket } of many) socket.write(get('/1'))
      await waitUntil('all are served', () => many.every(({ received }) => received().includes('200 OK')))
      expect(server.gaveWay()).to.equal(0)
      await waitUntil('they give way once they are idle for a while', async () => {
        await server.open()
        return server.gaveWay() >= 5
      })
    })

    it('of the process: a further one is refused while all are in use', async () => {
      const server = await start({ maxConnections: 8 })
      for (let i = 1; i <= 8; i++) {
        const { socket } = await server.open()
        socket.write(get('/held'))
        await waitUntil('it is in use', () => server.held.length === i)
      }
      expect(await server.ask(get('/1'))).to.match(/^HTTP\/1.1 503 .*retry-after: 1\r\n.*NODE_FULL/is)
    })
  })

  describe('cuts a peer', () => {
    /** A server that sends 8 MB. */
    async function startUnread(limits: { maxSilenceMs: number; maxResponseMs: number }) {
      let current: ServerResponse | undefined
      const refused: string[] = []
      const server = createServer((_request, response) => {
        current = response.end(Buffer.alloc(8_000_000))
      })
      const report = (_entrance: string, reason: unknown) => {
        refused.push(asGatewayError(reason).message)
        return asGatewayError(reason)
      }
      const unread = cutUnreadResponses(
        [server],
        {
          currentOf: () => (current?.writableFinished ? undefined : current),
          busyFor: (ms) => connections.busyFor(ms),
          refusals: { report },
        },
        { ...limits, checkIntervalMs: 50 },
      )
      const connections = new Connections(
        server,
        false,
        { max: 100, perAddress: 100, isProxy: () => false },
        { metrics: { connectionGaveWay: () => undefined }, refusals: { report }, log },
      )
      server.on('request', ({ socket }) => {
        connections.busy(socket)
        unread.watch(socket)
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      onCleanUp(() => {
        unread.stop()
        server.close()
        server.closeAllConnections()
      })
      const { socket, isClosed } = await openRaw((server.address() as AddressInfo).port)
      onCleanUp(() => socket.destroy())
      socket.pause()
      socket.write(get('/'))
      return { socket, isClosed, refused }
    }

    it('that does not read its response', async () => {
      const { refused } = await startUnread({ maxSilenceMs: 300, maxResponseMs: 60_000 })
      await waitUntil('it is cut', () => refused.length === 1)
      expect(refused[0]).to.include('not read')
    })

    it('that reads its response too slowly', async () => {
      const { socket, refused } = await startUnread({ maxSilenceMs: 60_000, maxResponseMs: 400 })
      const timer = setInterval(() => socket.read(1_000) as unknown, 50)
      onCleanUp(() => clearInterval(timer))
      await waitUntil('it is cut', () => refused.length === 1)
    })
  })
})
