import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { expect } from 'chai'
import { bodyOf, headerOf, startBackend } from '../support/backend-process.ts'
import type { Backend } from '../support/backend-process.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { adminToken, connect } from '../support/client.ts'
import { startGatewayProcess, WEBHOOK_TOKEN } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { startNginx } from '../support/nginx-proxy.ts'
import type { NginxProxy } from '../support/nginx-proxy.ts'
import { readBytes } from '../support/read-bytes.ts'
import { startRedis } from '../support/redis-server.ts'
import { waitUntil } from '../support/wait.ts'
import { recallBody, signedQuery } from '../support/webhook.ts'

const BEFORE = 'Group.CallbackBeforeSendMsg'
const AFTER = 'Group.CallbackAfterSendMsg'

describe('a relay behind the proxy of docker-compose.yml', () => {
  const onCleanUp = cleanUpAfterEach()
  let backend: Backend
  let nodes: readonly [GatewayProcess, GatewayProcess]
  let proxy: NginxProxy

  beforeEach(async () => {
    const redis = await startRedis()
    onCleanUp(() => redis.stop())
    backend = await startBackend({ token: WEBHOOK_TOKEN })
    onCleanUp(backend.stop)
    const start = async (ROLE: string): Promise<GatewayProcess> => {
      const relay = ROLE === 'receiver' ? { RELAY_URL: backend.url, RELAY_FALLBACK: 'deny' } : {}
      const settings = { ROLE, REDIS_URL: redis.url, TRUST_PROXY: 'loopback', ...relay }
      const gateway = await startGatewayProcess(settings)
      onCleanUp(gateway.stop)
      return gateway
    }
    const receiver = await start('receiver')
    nodes = [await start('node'), await start('node')]
    proxy = await startNginx({ receiver: receiver.port, nodes: [nodes[0].port, nodes[1].port] })
    onCleanUp(() => proxy.stop())
  })

  /** Posts bytes as they are. */
  async function post(target: string, body: Buffer, sentHeaders: OutgoingHttpHeaders = {}) {
    const request = httpRequest(proxy.url, { method: 'POST', path: target, headers: sentHeaders }).end(body)
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    const { statusCode: status, headers } = response
    return { status, headers, body: (await readBytes(response)).toString() }
  }

  const queryOf = (command: string): string => new URLSearchParams(signedQuery(command)).toString()

  it('passes path, query and body on byte for byte, and the answer back', async () => {
    const body = '<p>blocked</p>'.repeat(200)
    await backend.behave({ kind: 'answer', type: 'text/html', body })
    const query = `${queryOf(BEFORE)}&a=%zz&b=%E6%96%87+%20&&c`
    const sent = Buffer.from(`{"CallbackCommand":"${BEFORE}","x":" \u0000 文"}\r\n`)
    const { status, headers, body: answer } = await post(`/webhook/a%2Fb/~?${query}`, sent)
    expect([status, headers['content-type'], answer]).to.deep.equal([200, 'text/html', body])
    const [received] = backend.received()
    if (received === undefined) throw new Error('nothing has arrived')
    expect(received.target).to.equal(`${new URL(backend.url).pathname}/a%2Fb/~?${query}`)
    expect(bodyOf(received).equals(sent)).to.equal(true)
    expect(headerOf(received, 'X-Forwarded-For')).to.include('127.0.0.1')
  })

  it('tells the backend who called by the header that the proxy writes', async () => {
    // To the proxy, this machine is another proxy.
    const claimed = { 'X-Forwarded-For': '192.0.2.1', Forwarded: 'for=198.51.100.1' }
    await post(
      `/webhook?${queryOf(BEFORE)}`,
      Buffer.from(JSON.stringify({ CallbackCommand: BEFORE })),
      claimed,
    )
    const [received] = backend.received()
    if (received === undefined) throw new Error('nothing has arrived')
    expect(headerOf(received, 'X-Forwarded-For')).to.equal('192.0.2.1, 127.0.0.1')
    expect(headerOf(received, 'Forwarded')).to.include('for=192.0.2.1').and.not.include('198.51.100.1')
  })

  it('tells a recall to the nodes and to the backend', async () => {
    const client = await connect(nodes[1].url, await adminToken())
    onCleanUp(() => client.close())
    await client.subscribe({ group: '@TGS#1' })
    const sent = Buffer.from(JSON.stringify(recallBody()))
    const { status } = await post(`/webhook?${queryOf('Group.CallbackAfterRecallMsg')}`, sent)
    expect(status).to.equal(200)
    await waitUntil('the node tells of it', () => client.seqs().includes(130))
    const [received] = await backend.waitFor('the backend gets it', ({ length }) => length === 1)
    expect(received && bodyOf(received).equals(sent)).to.equal(true)
  })

  it('keeps what the backend does not take, and answers what cannot wait', async () => {
    await backend.kill()
    const after = Buffer.from(JSON.stringify({ CallbackCommand: AFTER, GroupId: 'g' }))
    const before = Buffer.from(JSON.stringify({ CallbackCommand: BEFORE, GroupId: 'g' }))
    expect((await post(`/webhook?${queryOf(AFTER)}`, after)).status).to.equal(200)
    const { body } = await post(`/webhook?${queryOf(BEFORE)}`, before)
    expect(JSON.parse(body)).to.include({ ActionStatus: 'OK', ErrorCode: 1 })
    await backend.restart()
    await backend.waitFor('what waited arrives', (all) => all.some(({ command }) => command === AFTER))
  })
})
