import { spawn } from 'node:child_process'
import { once } from 'node:events'
import dns from 'node:dns'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { fetchBounded } from '../../server/http/fetch.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'

/** An HTTP server whose process can be stopped: the kernel then ignores who connects, once its short queue is full. */
const SERVER = `
  const server = require('node:http').createServer((_, response) => response.end('here'))
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(server.address().port))
`
const QUEUE = 4

describe('requests to other servers', () => {
  const onCleanUp = cleanUpAfterEach()

  it('reach a distant server by the one address that leads there', async () => {
    const server = spawn(process.execPath, ['-e', SERVER], { stdio: ['ignore', 'pipe', 'inherit'] })
    onCleanUp(() => void server.kill('SIGKILL'))
    const [line] = (await once(server.stdout, 'data')) as [Buffer]
    const port = Number(String(line))
    server.kill('SIGSTOP')
    const waiting = Array.from({ length: QUEUE }, () =>
      connect(port, '127.0.0.1').on('error', () => undefined),
    )
    onCleanUp(() => waiting.forEach((socket) => socket.destroy()))
    await delay(200)
    const { lookup } = dns
    onCleanUp(() => void (dns.lookup = lookup))
    const addresses = [
      { address: '127.0.0.1', family: 4 },
      // For documentation: nothing is there, and no route.
      { address: '2001:db8::1', family: 6 },
    ]
    dns.lookup = ((...parameters: unknown[]) => {
      const done = parameters.at(-1) as (error: null, found: typeof addresses) => void
      done(null, addresses)
    }) as typeof dns.lookup

    // It takes a second, since the first attempt to connect gets no reply.
    const response = fetchBounded(`http://far.example:${port}/`, { maxBytes: 100 })
    await Promise.all([delay(300).then(() => server.kill('SIGCONT')), response.catch(() => undefined)])
    expect((await response).text).to.equal('here')
  })
})
