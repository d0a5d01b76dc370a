import { hostname } from 'node:os'
import { expect } from 'chai'
import type { StatusResponse } from '../../shared/http-api.ts'
import { adminToken, makeToken } from '../support/client.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { APP, startGatewayProcess } from '../support/gateway-process.ts'
import { get } from '../support/http-api.ts'
import { startRedis } from '../support/redis-server.ts'
import { waitUntil } from '../support/wait.ts'

const process = { host: hostname().slice(0, 64), version: '0.1.0' }

describe('/v1/whoami', () => {
  const onCleanUp = cleanUpAfterEach()

  it('tells everybody who they are, and where, at every process and without Redis', async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const settings = {
      REDIS_URL: redis.url,
      ENVIRONMENT: 'staging 测试',
      CONSOLE_LOGIN_URL: '/sign-in',
      JWT_ADMIN_VALUES: 'admin',
    }
    const [node, receiver] = await Promise.all(
      ['node', 'receiver'].map((ROLE) => startGatewayProcess({ ...settings, ROLE })),
    )
    if (node === undefined || receiver === undefined) throw new Error('not started')
    onCleanUp(node.stop)
    onCleanUp(receiver.stop)
    const admin = await adminToken()
    const rooms = [{ group: 'lobby', topic: 'news' }, { c2c: ['b', 'a'] }]
    const member = await makeToken({ sub: 'user-7', rooms, ttlS: 90 })
    const where = { ok: true, app: APP, environment: 'staging 测试', loginUrl: '/sign-in' }

    const { status, body } = await get(node.url, '/v1/whoami', member)
    expect(body['roleClaim']).to.deep.equal({ name: 'role', found: 'missing' })
    expect(status).to.equal(200)
    expect(body).to.deep.include({
      ...where,
      user: 'user-7',
      role: 'member',
      grants: [{ group: 'lobby', topic: 'news' }, { c2c: ['a', 'b'] }],
    })
    expect(body['process']).to.deep.include({ ...process, role: 'node' })
    expect((body['expiresAtMs'] as number) - (body['nowMs'] as number)).to.be.within(60_000, 90_000)

    const seen = await waitUntil('the node sees the receiver', async () => {
      const { nodes } = (await get(node.url, '/v1/status', admin)).body as unknown as StatusResponse
      return nodes.length === 2 && nodes
    })
    for (const state of seen) expect(state).to.include(process)

    redis.signal('SIGKILL')
    for (const { url, role } of [
      { url: node.url, role: 'node' },
      { url: receiver.url, role: 'receiver' },
    ]) {
      const answer = await get(url, '/v1/whoami', admin)
      expect(answer.body).to.not.have.property('roleClaim')
      expect(answer.body).to.deep.include({ ...where, user: 'admin-1', role: 'admin', grants: [] })
      expect(answer.body['process']).to.deep.include({ ...process, role })
    }
    const { app: _app, ...forEverybody } = where
    expect((await get(node.url, '/v1/sign-in')).body).to.deep.equal(forEverybody)
    expect((await get(node.url, '/v1/whoami')).body).to.include({ code: 'TOKEN_REFUSED' })
  })
})
