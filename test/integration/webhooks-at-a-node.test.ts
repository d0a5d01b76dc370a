import { expect } from 'chai'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import { startRedis } from '../support/redis-server.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook } from '../support/webhook.ts'

describe('a webhook at a process that takes none', () => {
  const onCleanUp = cleanUpAfterEach()

  it('is refused with the reason, in the response and in the log, because its recall is lost', async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const node = await startGatewayProcess({ REDIS_URL: redis.url, ROLE: 'node' })
    onCleanUp(node.stop)

    const { status, body } = await postWebhook(node.url)
    expect(status).to.equal(404)
    expect(body).to.include({ code: 'NOT_FOUND', retry: false })
    expect(body).to.have.property('message').that.includes('ROLE=node, which takes no webhooks')
    await waitUntil('the log says so', () =>
      /"detail":"[^"]*ROLE=node, which takes no webhooks.*"msg":"request refused"/.test(node.output()),
    )
    // Nothing is said of webhooks to those who ask for something else.
    const other = (await (await fetch(`${node.url}/elsewhere`, { method: 'POST' })).json()) as object
    expect(other).to.have.property('message', 'this path does not exist')
  })
})
