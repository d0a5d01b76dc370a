import { expect } from 'chai'
import { startGatewayProcess } from '../support/gateway-process.ts'
import { startRedis } from '../support/redis-server.ts'
import { undoAfterEach } from '../support/undo.ts'
import { until } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

describe('a recall that cannot be kept', () => {
  const undo = undoAfterEach()

  for (const [how, signal] of [
    ['frozen', 'SIGSTOP'],
    ['gone', 'SIGKILL'],
  ] as const) {
    it(`is answered with 503 after the provider has given up, when Redis is ${how}`, async () => {
      const redis = await startRedis()
      undo(redis.stop)
      const gateway = await startGatewayProcess({ REDIS_URL: redis.url })
      undo(gateway.stop)
      expect(await postWebhook(gateway.url)).to.deep.include({ status: 200 })

      redis.signal(signal)
      const sentAtMs = Date.now()
      const { status, answer } = await postWebhook(gateway.url, { body: recallBody({ GroupId: 'later' }) })
      expect(status).to.equal(503)
      expect(answer).to.include({ ActionStatus: 'FAIL', ErrorInfo: 'NOT_KEPT: the recall could not be kept' })
      expect(Date.now() - sentAtMs).to.be.within(2_000, 4_000)
    })
  }

  it('is not ready while Redis is gone, and takes recalls again once it is back', async () => {
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
})
