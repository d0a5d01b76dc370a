import { expect } from 'chai'
import type { HealthHistoryResponse } from '../../shared/http-api/health-history.ts'
import { adminToken, makeToken } from '../support/client.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import { get } from '../support/http-api.ts'
import { startRedis } from '../support/redis-server.ts'
import { waitUntil } from '../support/wait.ts'

describe('/v1/health-history', () => {
  const onCleanUp = cleanUpAfterEach()

  it('tells the last hour of all processes, also of those that are gone, and without Redis one’s own', async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const [node, receiver] = await Promise.all(
      ['node', 'receiver'].map((ROLE) => startGatewayProcess({ REDIS_URL: redis.url, ROLE })),
    )
    if (node === undefined || receiver === undefined) throw new Error('not started')
    onCleanUp(node.stop)
    onCleanUp(receiver.stop)
    const token = await adminToken()
    const read = async () =>
      (await get(node.url, '/v1/health-history', token)).body as unknown as HealthHistoryResponse
    const marksOf = ({ processes }: HealthHistoryResponse) =>
      Object.fromEntries(processes.map(({ role, marks }) => [role, marks.map(({ what }) => what)]))
    const both = await waitUntil('both are there', async () => {
      const history = await read()
      return history.processes.length === 2 && history
    })
    expect(marksOf(both)).to.deep.equal({ node: ['start'], receiver: ['start'] })
    for (const { samples } of both.processes) expect(samples[0]?.memoryMb).to.be.within(20, 2_000)

    receiver.signal('SIGTERM')
    await receiver.exited
    expect(marksOf(await read())).to.deep.equal({ node: ['start'], receiver: ['start', 'stop'] })
    expect((await get(node.url, '/v1/health-history', await makeToken())).status).to.equal(403)

    redis.signal('SIGKILL')
    const alone = await read()
    expect(Object.keys(marksOf(alone))).to.deep.equal(['node'])
    expect(alone.incomplete).to.be.a('string')
  })
})
