import { expect } from 'chai'
import { createClient } from 'redis'
import { adminToken, connect, makeToken } from '../support/client.ts'
import { postDisconnect } from '../support/disconnect.ts'
import { freePort } from '../support/free-port.ts'
import { APP, JWT_SECRET, runGateway, startGatewayProcess } from '../support/gateway-process.ts'
import { get } from '../support/http-api.ts'
import { readMetric } from '../support/read-metric.ts'
import { startRedis } from '../support/redis-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { withTimeout, waitUntil } from '../support/wait.ts'
import { postWebhook } from '../support/webhook.ts'

describe('a gateway while Redis is unavailable', () => {
  const onCleanUp = cleanUpAfterEach()

  it('is live but not ready, and recovers without a restart', async () => {
    const redis = await startRedis()
    const gateway = await startGatewayProcess({ REDIS_URL: redis.url })
    onCleanUp(gateway.stop)
    const isReady = async () => (await fetch(`${gateway.url}/readyz`)).status === 200
    expect(await isReady()).to.equal(true)
    await redis.stop()
    await waitUntil('the gateway is not ready', async () => !(await isReady()))
    expect((await fetch(`${gateway.url}/livez`)).status).to.equal(200)

    const restarted = await startRedis({ port: redis.port })
    onCleanUp(restarted.stop)
    await waitUntil('the gateway is ready again', isReady)
    expect(await postWebhook(gateway.url)).to.deep.include({ status: 200 })
  })

  it('says why, in the log and in its readiness, when the password was changed', async () => {
    const redis = await startRedis({ flags: ['--requirepass', 'first'] })
    onCleanUp(redis.stop)
    const REDIS_URL = redis.url.replace('//', '//:first@')
    const gateway = await startGatewayProcess({ REDIS_URL })
    onCleanUp(gateway.stop)
    const admin = await createClient({ url: REDIS_URL }).connect()
    onCleanUp(() => admin.destroy())
    await admin.sendCommand(['CONFIG', 'SET', 'requirepass', 'second'])
    await admin.sendCommand(['CLIENT', 'KILL', 'TYPE', 'normal'])
    await admin.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub'])
    await waitUntil('the log names the cause', () => gateway.output().includes('WRONGPASS'))
    const readiness = await fetch(`${gateway.url}/readyz`)
    expect(readiness.status).to.equal(503)
    expect(await readiness.text()).to.match(/"reasons":\["WRONGPASS: .*REDIS_URL/)
    expect(gateway.output()).to.not.match(/first|second/)
  })

  it('says of a frozen server that it does not answer, and nothing else', async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const gateway = await startGatewayProcess({ REDIS_URL: redis.url })
    onCleanUp(gateway.stop)
    redis.signal('SIGSTOP')
    onCleanUp(() => redis.signal('SIGCONT'))
    expect(await postWebhook(gateway.url)).to.deep.include({ status: 200 })
    // Long enough for the probe to ask for other connections several times.
    const probeAgeS = () => readMetric(gateway.url, 'probe_age_seconds')
    await waitUntil('probes are lost', async () => (await probeAgeS()) > 9)
    const causes = gateway.output().match(/(?<="role":"\w+","code":")\w+/g)
    expect(new Set(causes)).to.deep.equal(new Set(['TIMEOUT']))
    const spooled = gateway.output().match(/^.*"recalls (still )?spooled".*$/gm) ?? []
    expect(spooled).to.not.have.lengthOf(0)
    for (const line of spooled)
      expect(line)
        .to.match(/"reason":"[^"]/)
        .and.not.contain('stack')
  })

  it('does not blame Redis if the port is in use', async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const settings = { SDK_APP_ID: APP, JWT_SECRET, ROLE: 'node', HOST: '127.0.0.1', REDIS_URL: redis.url }
    const { exited, output } = runGateway(['start'], { ...settings, PORT: String(redis.port) })
    expect(await withTimeout('the gateway exits', exited)).to.equal(1)
    expect(output()).to.match(/START_FAILED.*port \d+ is in use/)
    expect(output()).to.not.contain('NOT_CONNECTED')
  })

  it('admits nobody before it has read whom admins have disconnected', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const settings = { REDIS_URL: redis.url, DATA_DIR: folder.path }
    const first = await startGatewayProcess(settings)
    onCleanUp(first.stop)
    const banned = await makeToken({ sub: 'user-1' })
    const disconnected = await postDisconnect(first.url, await adminToken(), { userId: 'user-1' })
    expect(disconnected.status).to.equal(200)
    await first.stop()
    redis.signal('SIGSTOP')
    onCleanUp(() => redis.signal('SIGCONT'))
    const gateway = await startGatewayProcess(settings)
    onCleanUp(gateway.stop)
    const outcome = (token: string): Promise<unknown> =>
      connect(gateway.url, token).then(
        (client) => {
          client.close()
          return 'admitted'
        },
        (error: { readonly data?: unknown }) => error.data,
      )
    const notYet = { code: 'BROKER_UNAVAILABLE', retry: true }
    expect(await outcome(banned)).to.deep.include(notYet)
    const response = await fetch(`${gateway.url}/v1/position?group=g`, {
      headers: { Authorization: `Bearer ${banned}` },
    })
    expect(response.status).to.equal(503)
    expect((await fetch(`${gateway.url}/readyz`)).status).to.equal(503)
    // An admin has to see why.
    const { body: health } = await get(gateway.url, '/v1/status', await adminToken())
    expect(health).to.deep.include({ ok: true, complete: false })
    expect(JSON.stringify(health['problems']))
      .to.include('PROCESS_NOT_READY')
      .and.include('STATUS_INCOMPLETE')
    await waitUntil('the silence is named', () => gateway.output().includes('"code":"TIMEOUT"'))
    // It would answer if it were loading its data.
    expect(gateway.output()).to.not.include('LOADING')

    redis.signal('SIGCONT')
    const answers = new Set<unknown>()
    await waitUntil('the order is known', async () => {
      const answer = (await outcome(banned)) as { readonly code?: string } | 'admitted'
      answers.add(answer === 'admitted' ? answer : answer.code)
      return answers.has('USER_DISCONNECTED')
    })
    expect(answers).to.not.include('admitted')
    expect(await outcome(await makeToken({ sub: 'user-2' }))).to.equal('admitted')
  })

  it('stops in time with exit code 0', async () => {
    const redis = await startRedis()
    const gateway = await startGatewayProcess({ REDIS_URL: redis.url })
    onCleanUp(gateway.stop)
    await redis.stop()
    await waitUntil(
      'the gateway is not ready',
      async () => (await fetch(`${gateway.url}/readyz`)).status === 503,
    )
    gateway.signal('SIGTERM')
    expect(await withTimeout('the gateway exits', gateway.exited)).to.equal(0)
  })

  it('does not start as a node, and prints one line behind that it was starting', async () => {
    const REDIS_URL = `redis://127.0.0.1:${await freePort()}`
    const { child, exited, output } = runGateway(['start'], {
      ROLE: 'node',
      SDK_APP_ID: APP,
      JWT_SECRET,
      REDIS_URL,
      PORT: '0',
    })
    onCleanUp(() => child.kill('SIGKILL'))
    expect(await withTimeout('the node exits', exited)).to.equal(1)
    expect(output().trim()).to.match(
      /^[^\n]*"gateway starting"}\nrecall-gateway: START_FAILED: [^\n]*cannot reach Redis at [^\n]*$/,
    )
  })
})
