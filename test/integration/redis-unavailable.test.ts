import { expect } from 'chai'
import { freePort } from '../support/free-port.ts'
import { APP, JWT_SECRET, runGateway, startGatewayProcess } from '../support/gateway-process.ts'
import { startRedis } from '../support/redis-server.ts'
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

  it('does not start as a node, and prints one line at the default log level', async () => {
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
    expect(output().trim()).to.match(/^recall-gateway: START_FAILED: .*cannot reach Redis at [^\n]*$/)
  })
})
