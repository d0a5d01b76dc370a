import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { createClient } from 'redis'
import { makeCertificate } from '../support/certificate.ts'
import { adminToken, connect } from '../support/client.ts'
import { postDisconnect } from '../support/disconnect.ts'
import { freePort } from '../support/free-port.ts'
import { runGateway, startGatewayProcess } from '../support/gateway-process.ts'
import { startRedis } from '../support/redis-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

const REDIS = readFileSync(fileURLToPath(new URL('../../../server/docs/redis.md', import.meta.url)), 'utf8')
const ADMIN_PASSWORD = 'admin-password'
const PASSWORD = 'gateway-password'

/** Returns the permissions in redis.md as words of the server's `user` setting. */
function permissions(): string[] {
  const [, words = ''] = /^user gateway on >\S+ ((?:.|\n)+?)^```/m.exec(REDIS) ?? []
  expect(words).to.include('+evalsha')
  return ['gateway', 'on', `>${PASSWORD}`, ...words.trim().split(/\s+/)]
}

describe('Redis with TLS and an ACL', () => {
  const onCleanUp = cleanUpAfterEach()

  const setUp = async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const files = makeCertificate(folder.path, 'redis')
    const [port, plainPort] = [await freePort(), await freePort()]
    const tls = ['--tls-port', String(port), '--tls-auth-clients', 'no']
    const certificate = ['--tls-cert-file', files.cert, '--tls-key-file', files.key]
    const authority = ['--tls-ca-cert-file', files.cert]
    const users = ['--user', ...permissions(), '--requirepass', ADMIN_PASSWORD]
    const redis = await startRedis({
      port: plainPort,
      flags: [...tls, ...certificate, ...authority, ...users],
    })
    onCleanUp(redis.stop)
    const admin = await createClient({ url: redis.url, password: ADMIN_PASSWORD }).connect()
    onCleanUp(() => admin.destroy())
    return { url: `rediss://gateway:${PASSWORD}@127.0.0.1:${port}`, files, admin }
  }

  it('needs no more than the permissions in redis.md', async () => {
    const { url, files, admin } = await setUp()
    const settings = { REDIS_URL: url, NODE_EXTRA_CA_CERTS: files.cert, REDIS_SIGNING_KEY: 'k'.repeat(32) }
    const receiver = await startGatewayProcess({ ...settings, ROLE: 'receiver' })
    onCleanUp(receiver.stop)
    const node = await startGatewayProcess({ ...settings, ROLE: 'node', RECALLED_TTL_DAYS: '1' })
    onCleanUp(node.stop)
    const client = await connect(node.url, await adminToken())
    onCleanUp(client.close)
    const first = await client.subscribe({ group: 'g', topic: 't' })
    const recall = async (seq: number) => {
      const body = recallBody({ GroupId: 'g', TopicId: 't', MsgSeqList: [{ MsgSeq: seq }] })
      expect((await postWebhook(receiver.url, { body })).status).to.equal(200)
    }
    await recall(1)
    await client.count(1)
    await admin.scriptFlush()
    await recall(2)
    await client.count(2)
    expect((await client.subscribe({ group: 'g', topic: 't', since: first.position })).recovered).to.equal(2)
    const recalled = await client.socket.emitWithAck('recalled', { group: 'g', topic: 't', seqs: [1, 2, 3] })
    expect(recalled).to.have.property('recalled').with.lengthOf(2)
    const request = { userId: 'user-1', group: 'g' }
    expect((await postDisconnect(node.url, await adminToken(), request)).status).to.equal(200)
    expect(receiver.output()).to.not.include('spool')
    expect(await admin.sendCommand(['ACL', 'LOG'])).to.deep.equal([])
  })

  it('is refused when its certificate is not trusted', async () => {
    const { url } = await setUp()
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const { exited, output } = runGateway(['start'], {
      SDK_APP_ID: '1400000000',
      JWT_SECRET: 'j'.repeat(32),
      DATA_DIR: folder.path,
      ROLE: 'node',
      PORT: '0',
      REDIS_URL: url,
    })
    expect(await exited).to.not.equal(0)
    expect(output()).to.include('cannot reach Redis').and.not.include(PASSWORD)
  })
})
