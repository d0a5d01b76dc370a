import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer as createHttpsServer } from 'node:https'
import { createServer } from 'node:net'
import { expect } from 'chai'
import { Redis } from 'ioredis'
import type { DoctorResponse, Finding } from '../../shared/http-api/doctor.ts'
import { makeCertificate } from '../support/certificate.ts'
import { adminToken, makeToken } from '../support/client.ts'
import {
  APP,
  JWT_SECRET,
  runGateway,
  startGatewayProcess,
  WEBHOOK_TOKEN,
} from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { get } from '../support/http-api.ts'
import { startOtherNginx } from '../support/nginx-proxy.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, signedQuery } from '../support/webhook.ts'

const CREDENTIALS = { SDK_APP_ID: APP, WEBHOOK_TOKEN, JWT_SECRET }
/** What Redis lets the gateway's user do; the rest is everything. */
const RIGHTS = ['on', '>pass-of-redis', '~*', '&*', '+@all']

describe('recall-gateway doctor', () => {
  let redis: RedisServer
  let admin: Redis
  let gateway: GatewayProcess
  let node: GatewayProcess
  const folder = temporaryFolder()

  before(async () => {
    redis = await startRedis({ dataDir: `${folder.path}/redis` })
    admin = new Redis(redis.url)
    await admin.call('ACL', 'SETUSER', 'gateway', ...RIGHTS)
    const REDIS_URL = redis.url.replace('redis://', 'redis://gateway:pass-of-redis@')
    const settings = { REDIS_URL, DATA_DIR: `${folder.path}/data`, RELAY_TIMEOUT: 'x' }
    gateway = await startGatewayProcess(settings)
    node = await startGatewayProcess({ ...settings, ROLE: 'node', TRUST_PROXY: 'loopback' })
  })
  after(async () => {
    await gateway.stop()
    await node.stop()
    admin.disconnect()
    await redis.stop()
    folder.remove()
  })

  const settings = () => ({
    ...CREDENTIALS,
    PORT: String(gateway.port),
    DATA_DIR: `${folder.path}/data`,
    REDIS_URL: redis.url.replace('redis://', 'redis://gateway:pass-of-redis@'),
  })

  /** Runs the command, and returns what it found, by the ids of those that are not right. */
  async function run(variables: Readonly<Record<string, string>>, ...options: string[]) {
    const { exited, output } = runGateway(['doctor', '--json', ...options], variables)
    const code = await exited
    const text = output()
    for (const secret of [WEBHOOK_TOKEN, JWT_SECRET, 'pass-of-redis']) expect(text).to.not.include(secret)
    const { findings, unanswered } = JSON.parse(text) as Pick<DoctorResponse, 'findings' | 'unanswered'>
    const of = (id: string, severity?: Finding['severity']) =>
      findings.filter((one) => one.id === id && (severity === undefined || one.severity === severity))
    return {
      code,
      findings,
      unanswered,
      of,
      wrong: (id: string) => of(id).find((one) => one.severity !== 'ok')?.found,
    }
  }

  /** The same, once every process has answered in time. */
  const runAnswered = (variables: Readonly<Record<string, string>>) =>
    waitUntil('all answer', async () => {
      const result = await run(variables)
      return result.unanswered.length === 0 && result
    })

  it('finds everything right where it is, and asks the processes that run', async () => {
    const { of, wrong, findings } = await runAnswered(settings())
    for (const id of [
      'redis',
      'redis-rights',
      'redis-version',
      'redis-persistence',
      'redis-eviction',
      'settings',
      'secrets',
    ])
      expect(of(id, 'ok'), id).to.have.lengthOf.above(0)
    expect(wrong('redis-rights')).to.equal(undefined)
    expect(of('data-folder-lock')[0]?.found).to.equal('a gateway runs on it')
    expect(of('settings-unknown')[0]?.found).to.equal('there are no such settings: RELAY_TIMEOUT')
    expect(new Set(findings.map(({ process }) => process)).size).to.equal(3)
    expect(of('processes').length).to.be.above(0)
  })

  it('asks the processes that run with secrets from files, too', async () => {
    const { WEBHOOK_TOKEN: token, JWT_SECRET: secret, ...rest } = settings()
    writeFileSync(`${folder.path}/token`, token)
    writeFileSync(`${folder.path}/secret`, secret)
    const { of, wrong } = await runAnswered({
      ...rest,
      WEBHOOK_TOKEN_FILE: `${folder.path}/token`,
      JWT_SECRET_FILE: `${folder.path}/secret`,
    })
    expect(wrong('gateway')).to.equal(undefined)
    expect(of('processes').length).to.be.above(0)
  })

  it('says the same over HTTP to admins, on each process, and in the log at the start', async () => {
    for (const { url } of [gateway, node]) {
      // A busy process may not answer in time.
      const answer = await waitUntil('both answer', async () => {
        const { status, body } = await get(url, '/v1/doctor', await adminToken())
        expect(status).to.equal(200)
        const response = body as unknown as DoctorResponse
        return response.unanswered.length === 0 && response
      })
      const { findings, seen } = answer
      expect(new Set(findings.map(({ process }) => process)).size).to.equal(2)
      expect(findings.filter(({ id }) => id === 'webhooks')).to.have.lengthOf(1)
      expect(seen).to.deep.equal({
        address: '127.0.0.1',
        throughTrustedProxy: url === node.url,
        forwarded: false,
      })
    }
    expect((await get(gateway.url, '/v1/doctor', await makeToken({ role: 'member' }))).status).to.equal(403)
    expect((await get(gateway.url, '/v1/doctor')).status).to.equal(401)
    await waitUntil('the log says so', () =>
      /"finding":"settings-unknown".*RELAY_TIMEOUT.*"doctor: should be looked at"/.test(gateway.output()),
    )
  })

  it('compares the clock with webhooks, and names what was refused', async () => {
    const nowS = Math.floor(Date.now() / 1_000)
    await postWebhook(gateway.url, { query: signedQuery(undefined, nowS - 90) })
    await postWebhook(gateway.url, { query: { ...signedQuery(), Sign: '0'.repeat(64) } })
    const { wrong, of, code } = await run(settings())
    expect(wrong('clock-webhooks')).to.match(/1 webhooks came 9\d\.\d .* ahead/)
    expect(of('webhooks', 'warning').map(({ found }) => found.slice(0, 30))).to.have.members([
      '1 refused with WEBHOOK_STALE: ',
      '1 refused with WEBHOOK_FORGED:',
    ])
    expect(code).to.equal(2)
  })

  it('tries what the user may do at Redis, and leaves nothing behind', async () => {
    const before = (await admin.keys('*')).filter((key) => !key.includes(':trial:'))
    await admin.call('ACL', 'SETUSER', 'gateway', 'reset', ...RIGHTS, '-xadd', '-config')
    await admin.call('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 1mb 0 0')
    const { of, wrong, code } = await run(settings())
    expect(of('redis-rights', 'critical').map(({ found }) => found)).to.include('the user may not run xadd')
    expect(
      of('redis-rights', 'critical')
        .map(({ found }) => found)
        .join(),
    ).to.include('cannot store recalls: NOPERM')
    expect(wrong('redis-buffers')).to.include('may not read the output buffer limits')
    expect(code).to.equal(2)
    await admin.call('ACL', 'SETUSER', 'gateway', 'reset', ...RIGHTS)
    expect((await run(settings())).wrong('redis-buffers')).to.include('1 MiB may wait for a subscriber')
    for (const key of await admin.keys('*'))
      if (key.includes('doctor')) expect(await admin.pttl(key), key).to.be.within(1, 10_000)
    expect((await admin.keys('*')).filter((key) => !key.includes(':trial:'))).to.have.members(before)
    expect(readdirSync(`${folder.path}/data`).filter((file) => file.startsWith('.'))).to.deep.equal([])
  })

  it('works while Redis is down, nothing runs and settings are broken', async () => {
    const empty = temporaryFolder()
    const { wrong, code, of } = await run({
      ...CREDENTIALS,
      PORT: 'x',
      REDIS_URL: 'redis://:pass-of-redis@127.0.0.1:1',
      DATA_DIR: `${empty.path}/new`,
      JWT_SECRET_FILE: '/nowhere',
      WEBHOOK_TOKENS: WEBHOOK_TOKEN,
    })
    empty.remove()
    expect(code).to.equal(2)
    expect(of('settings').map(({ found }) => found)).to.include('PORT must be a number')
    expect(
      of('settings').some(({ found }) => found.includes('both JWT_SECRET and JWT_SECRET_FILE')),
    ).to.equal(true)
    expect(wrong('redis')).to.match(/^cannot reach Redis at 127\.0\.0\.1:1: ECONNREFUSED/)
    expect(wrong('settings-unknown')).to.include('WEBHOOK_TOKENS')
    expect(of('data-folder')[0]?.found).to.include('does not exist yet')
  })

  it('does not wait long for a Redis that is silent', async () => {
    let sent = ''
    const silent = createServer((socket) => {
      socket.on('data', (bytes) => (sent += bytes.toString('latin1')))
    }).listen(0, '127.0.0.1')
    await waitUntil('it listens', () => silent.listening)
    const { port } = silent.address() as { readonly port: number }
    const startMs = performance.now()
    const { wrong } = await run({ ...settings(), REDIS_URL: `redis://127.0.0.1:${port}`, PORT: '1' })
    silent.close()
    expect(wrong('redis')).to.include('cannot reach Redis')
    expect(performance.now() - startMs).to.be.below(40_000)
    // Nobody takes them for those of a gateway.
    expect(new Set(sent.match(/recall-gateway-[a-z-]+/g))).to.deep.equal(
      new Set(['recall-gateway-doctor-commands', 'recall-gateway-doctor-subscriber']),
    )
  })

  it('calls nothing right that it could not look at', async () => {
    node.signal('SIGSTOP')
    try {
      const { code, unanswered, of } = await run(settings())
      expect(unanswered.map(({ why }) => why)).to.have.lengthOf(1)
      expect(code).to.be.oneOf([1, 2])
      expect(of('gateway')).to.deep.equal([])
      const { exited, output } = runGateway(['doctor'], settings())
      expect(await exited).to.be.oneOf([1, 2])
      expect(output()).to.match(/^WARNING {2}Process \S+ (\(.*\) )?did not answer: /m)
      expect(output()).to.match(/, of the processes that answered\.\n$/)
    } finally {
      node.signal('SIGCONT')
    }
    // Wherever a gateway runs, or has run, its silence is no news.
    const silent = await run({ ...settings(), PORT: '1' })
    expect(silent.of('gateway', 'warning')[0]?.found).to.include('one runs on the data folder')
    const { exited, output } = runGateway(['doctor'], { ...settings(), PORT: '1' })
    expect(await exited).to.be.oneOf([1, 2])
    expect(output()).to.match(/, and no gateway was asked\.\n$/)
  })

  it('looks through the proxy in front', async () => {
    const proxy = await startOtherNginx(
      `location = /v1/stream { proxy_pass http://127.0.0.1:${gateway.port}; proxy_read_timeout 1s; }
       location / { proxy_pass http://127.0.0.1:${gateway.port}; proxy_set_header X-Forwarded-For $remote_addr; client_max_body_size 100k; }`,
    )
    const quick = { ...settings(), HEARTBEAT_S: '4' }
    const [{ wrong, of }, direct, away] = await Promise.all([
      run(quick, '--url', proxy.url),
      run(quick, '--url', gateway.url),
      run({ ...quick, PORT: '1' }, '--url', gateway.url),
    ])
    // Where none answers on this machine, the others say what they find, and what is wrong with all.
    expect(away.of('gateway', 'warning')).to.have.lengthOf(1)
    expect(away.of('processes').length).to.be.above(0)
    expect(new Set(away.findings.map(({ process }) => process)).size).to.equal(3)
    expect(wrong('public-stream')).to.match(/was ended after [12]\.\d s/)
    expect(wrong('public-websocket')).to.include('no WebSocket opens')
    expect(wrong('public-headers')).to.match(/do not pass: it answered 4/)
    expect(of('public-webhook', 'critical')[0]?.found).to.include(
      'webhooks of 240 KiB do not pass: it answered 413',
    )
    expect(of('public-address', 'critical')[0]?.found).to.include('127.0.0.1, which is the proxy')
    expect(of('public-url', 'warning')[0]?.found).to.include('without TLS')
    await proxy.stop()
    for (const id of ['public-websocket', 'public-headers', 'public-webhook', 'public-stream'])
      expect(
        direct.of(id).map(({ severity }) => severity),
        id,
      ).to.deep.equal(['ok'])
  })

  it('sends neither token nor signature to what is no gateway, and sees when its certificate expires', async () => {
    const seen: string[] = []
    const { cert, key } = makeCertificate(folder.path, 'stranger')
    const tls = { cert: readFileSync(cert), key: readFileSync(key) }
    const stranger = createHttpsServer(tls, (request, response) => {
      seen.push(`${request.url} ${JSON.stringify(request.headers)}`)
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}')
    }).listen(0, '127.0.0.1')
    await waitUntil('it listens', () => stranger.listening)
    const { port } = stranger.address() as { readonly port: number }
    const trusting = { ...settings(), NODE_EXTRA_CA_CERTS: cert }
    const { wrong } = await run(trusting, '--url', `https://127.0.0.1:${port}`)
    stranger.close()
    expect(wrong('tls-certificate')).to.equal('it expires in 1 days')
    expect(wrong('public-webhook')).to.include('were not tried')
    expect(seen.join('\n'))
      .to.include('/client.json')
      .and.not.match(/authorization|Sign=/i)
  })

  it('prints for people what is not right, with the fix and the document', async () => {
    const { exited, output } = runGateway(['doctor'], { ...settings(), REDIS_URL: '' })
    expect(await exited).to.be.within(1, 2)
    expect(output()).to.match(/^(CRITICAL|WARNING) {2}\S.* \([a-z-]+\)/m)
    expect(output()).to.match(/^ {2}> \S/m)
    expect(output()).to.match(/^ {2}server\/docs\/\w+\.md#[\w-]+$/m)
    expect(output()).to.match(/^Right: .*settings/m)
    expect(output()).to.match(/\d+ critical, \d+ warnings\.\n$/)
  })
})
