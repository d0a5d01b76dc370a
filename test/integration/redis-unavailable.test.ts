import { expect } from 'chai'
import { freePort } from '../support/free-port.ts'
import { APP, JWT_SECRET, runGateway, startGatewayProcess } from '../support/gateway-process.ts'
import { startRedis } from '../support/redis-server.ts'
import { undoAfterEach } from '../support/undo.ts'
import { soon, until } from '../support/wait.ts'
import { postWebhook } from '../support/webhook.ts'

describe('a gateway whose Redis is away', () => {
  const undo = undoAfterEach()

  it('is not ready but lives, and is ready and takes recalls again without a restart', async () => {
    const redis = await startRedis()
    const gateway = await startGatewayProcess({ REDIS_URL: redis.url })
    undo(gateway.stop)
    const isReady = async () => (await fetch(`${gateway.url}/readyz`)).status === 200
    expect(await isReady()).to.equal(true)
    await redis.stop()
    await until('not ready', async () => !(await isReady()))
    expect((await fetch(`${gateway.url}/livez`)).status).to.equal(200)

    const again = await startRedis({ port: redis.port })
    undo(again.stop)
    await until('ready again', isReady)
    expect(await postWebhook(gateway.url)).to.deep.include({ status: 200 })
  })

  it('stops in time and with 0', async () => {
    const redis = await startRedis()
    const gateway = await startGatewayProcess({ REDIS_URL: redis.url })
    undo(gateway.stop)
    await redis.stop()
    await until('not ready', async () => (await fetch(`${gateway.url}/readyz`)).status === 503)
    gateway.signal('SIGTERM')
    expect(await soon('the gateway ends', gateway.exited)).to.equal(0)
  })

  it('does not start as a node, and says so in one line at the default level', async () => {
    const REDIS_URL = `redis://127.0.0.1:${await freePort()}`
    const { child, exited, output } = runGateway(['start'], {
      ROLE: 'node',
      SDK_APP_ID: APP,
      JWT_SECRET,
      REDIS_URL,
      PORT: '0',
    })
    undo(() => child.kill('SIGKILL'))
    expect(await soon('the node ends', exited)).to.equal(1)
    expect(output().trim()).to.match(/^recall-gateway: START_FAILED: .*cannot reach Redis at [^\n]*$/)
  })
})
