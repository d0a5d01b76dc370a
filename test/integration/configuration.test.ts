import { writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { ConfigurationResponse } from '../../shared/http-api/configuration.ts'
import { adminToken, makeToken } from '../support/client.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { JWT_SECRET, startGatewayProcess, WEBHOOK_TOKEN } from '../support/gateway-process.ts'
import { get } from '../support/http-api.ts'
import { startRedis } from '../support/redis-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'

describe('/v1/configuration', () => {
  const onCleanUp = cleanUpAfterEach()

  it('tells each process’s settings with their origin, what differs, and no secret', async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const file = join(folder.path, 'secret')
    const relay = 'https://relay.example/hidden-in-the-path'
    writeFileSync(file, `${relay}\n`)
    const shared = { REDIS_URL: redis.url, HISTORY_SIZE: '500' }
    const secrets = [WEBHOOK_TOKEN, JWT_SECRET, 'hidden', 'other-token']
    const [node, receiver] = await Promise.all([
      startGatewayProcess({ ...shared, ROLE: 'node', CORS_ORIGINS: 'https://a.example, null' }),
      startGatewayProcess({
        ...shared,
        ROLE: 'receiver',
        WEBHOOK_TOKEN: 'other-token',
        WEBHOOK_PATH: '/hidden-hook',
        HISTORY_SIZE: '400',
        RELAY_URL_FILE: file,
        RELAY_FALLBACK: 'allow',
      }),
    ])
    onCleanUp(node.stop)
    onCleanUp(receiver.stop)
    const admin = await adminToken()
    const read = async (url: string) => {
      const { body } = await get(url, '/v1/configuration', admin)
      const text = JSON.stringify(body)
      for (const secret of secrets) expect(text, secret).not.to.include(secret)
      return body as unknown as ConfigurationResponse
    }
    const both = await waitUntil('both answer', async () => {
      const answer = await read(node.url)
      return answer.processes.length === 2 && answer
    })
    expect(both.unanswered).to.deep.equal([])
    expect(both.processes.map(({ role, host }) => [role, host])).to.deep.equal([
      ['node', hostname()],
      ['receiver', hostname()],
    ])
    const settingsOf = (answer: ConfigurationResponse, i: number) =>
      Object.fromEntries(
        answer.processes[i]?.settings.map(({ name, value, origin }) => [name, `${value} (${origin})`]) ?? [],
      )
    expect(settingsOf(both, 0)).to.include({
      CORS_ORIGINS: 'https://a.example, null (environment)',
      HISTORY_SIZE: '500 (environment)',
      HISTORY_TTL_S: '86400 (default)',
      JWT_SECRET: 'set (environment)',
      JWT_ISSUER: 'null (default)',
      METRICS_ALLOW: 'loopback,linklocal,uniquelocal (default)',
      REDIS_URL: `${redis.url} (environment)`,
    })
    expect(settingsOf(both, 1)).to.include({
      RELAY_URL: 'https://relay.example/… (file)',
      WEBHOOK_TOKEN: 'set (environment)',
      WEBHOOK_PATH: 'set (environment)',
    })
    expect(both.differences).to.have.members(['WEBHOOK_TOKEN', 'WEBHOOK_PATH', 'HISTORY_SIZE'])
    expect((await get(node.url, '/v1/configuration', await makeToken())).status).to.equal(403)

    redis.signal('SIGKILL')
    const alone = await read(receiver.url)
    expect(alone.processes.map(({ role }) => role)).to.deep.equal(['receiver'])
    expect(alone.unanswered[0]).to.include({ id: 'others' })
  })
})
