import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { createClient } from 'redis'
import { makeCertificate } from '../support/certificate.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { adminToken, connect } from '../support/client.ts'
import { postDisconnect } from '../support/disconnect.ts'
import { freePort } from '../support/free-port.ts'
import { runGateway, startGatewayProcess } from '../support/gateway-process.ts'
import { startClusterOfOne } from '../support/redis-cluster.ts'
import { startSentinel } from '../support/redis-sentinels.ts'
import { startRedis } from '../support/redis-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

const REDIS = readFileSync(fileURLToPath(new URL('../../../server/docs/redis.md', import.meta.url)), 'utf8')
const ADMIN_PASSWORD = 'admin-password'
const PASSWORD = 'gateway-password'
const SENTINEL_PASSWORD = 'sentinel-password'

/** Returns the permissions in redis.md as words of the server's `user` setting: of servers, then of sentinels. */
function permissions(): string[][] {
  const lines = [...REDIS.matchAll(/^user gateway on >\S+ ((?:.|\n)+?)^```/gm)]
  expect(lines).to.have.lengthOf(2)
  return lines.map(([, words = '']) => words.trim().split(/\s+/))
}

/** Returns what redis.md says must be added to wait for the disk of Redis. */
function addedForSync(): string {
  const [, added = ''] = /With\s+`REDIS_WAIT_AOF=1`, add `(\S+)`/.exec(REDIS) ?? []
  return added
}

/** Returns what redis.md says must be added in a Cluster. */
function addedInCluster(): string {
  const [, added = ''] = /In a Cluster, add\s+`(\S+)`/.exec(REDIS) ?? []
  return added
}

type Send = (...command: string[]) => Promise<unknown>

describe('Redis with TLS and an ACL', () => {
  const onCleanUp = cleanUpAfterEach()

  const [ofServers = [], ofSentinels = []] = permissions()
  const flags = (...added: string[]) => {
    const user = ['gateway', 'on', `>${PASSWORD}`, ...ofServers, ...added]
    return ['--user', ...user, '--requirepass', ADMIN_PASSWORD]
  }

  /** Connects as the server's admin. Returns what sends its commands. */
  const admin = async (url: string, password = ADMIN_PASSWORD) => {
    const client = await createClient({ url, password, RESP: 2 }).connect()
    onCleanUp(() => client.destroy())
    return (...command: string[]) => client.sendCommand(command)
  }

  /** Lets the gateway wait for the disk of a server that can be waited for, with the right that this needs. */
  const withSync = async (send: Send) => {
    const [command] = (await send('COMMAND', 'INFO', 'waitaof')) as unknown[]
    if (command === null) return {}
    await send('CONFIG', 'SET', 'appendonly', 'yes')
    await send('ACL', 'SETUSER', 'gateway', addedForSync())
    return { REDIS_WAIT_AOF: '1' }
  }

  const withTls = async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const files = makeCertificate(folder.path, 'redis')
    const [port, plainPort] = [await freePort(), await freePort()]
    const tls = ['--tls-port', String(port), '--tls-auth-clients', 'no']
    const certificate = ['--tls-cert-file', files.cert, '--tls-key-file', files.key]
    const authority = ['--tls-ca-cert-file', files.cert, '--bind', '127.0.0.1', '127.0.0.2']
    const redis = await startRedis({
      port: plainPort,
      flags: [...tls, ...certificate, ...authority, ...flags()],
    })
    onCleanUp(redis.stop)
    const send = await admin(redis.url)
    const url = `rediss://gateway:${PASSWORD}@127.0.0.1:${port}`
    const settings = { REDIS_URL: url, NODE_EXTRA_CA_CERTS: files.cert }
    return { settings: { ...settings, ...(await withSync(send)) }, servers: [send], port }
  }

  const TOPOLOGIES = {
    'a single server, over TLS': withTls,

    async Sentinel() {
      const master = await startRedis({ flags: flags() })
      onCleanUp(master.stop)
      const lines = [`requirepass ${SENTINEL_PASSWORD}`, `sentinel auth-pass mymaster ${ADMIN_PASSWORD}`]
      const sentinel = await startSentinel(master.port, { quorum: 1, lines })
      onCleanUp(sentinel.stop)
      const send = await admin(`redis://127.0.0.1:${sentinel.port}`, SENTINEL_PASSWORD)
      await send('ACL', 'SETUSER', 'watcher', 'on', `>${PASSWORD}-2`, ...ofSentinels)
      const settings = {
        REDIS_MODE: 'sentinel',
        REDIS_URL: `redis://gateway:${PASSWORD}@127.0.0.1:${sentinel.port}`,
        REDIS_SENTINEL_USERNAME: 'watcher',
        REDIS_SENTINEL_PASSWORD: `${PASSWORD}-2`,
      }
      return { settings, servers: [await admin(master.url), send] }
    },

    async Cluster() {
      const node = await startClusterOfOne()
      onCleanUp(node.stop)
      const send = await admin(node.url, '')
      await send('ACL', 'SETUSER', 'gateway', 'on', `>${PASSWORD}`, ...ofServers, addedInCluster())
      const url = `redis://gateway:${PASSWORD}@127.0.0.1:${node.port}`
      return { settings: { REDIS_MODE: 'cluster', REDIS_URL: url }, servers: [send] }
    },
  }

  for (const [topology, setUp] of Object.entries(TOPOLOGIES)) {
    it(`needs no more than the permissions in redis.md: ${topology}`, async () => {
      const { settings: topologySettings, servers } = await setUp()
      const settings = { ...topologySettings, REDIS_SIGNING_KEY: 'k'.repeat(32) }
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
      await servers[0]?.('SCRIPT', 'FLUSH')
      await recall(2)
      await client.count(2)
      expect((await client.subscribe({ group: 'g', topic: 't', since: first.position })).recovered).to.equal(
        2,
      )
      const recalled = await client.socket.emitWithAck('recalled', {
        group: 'g',
        topic: 't',
        seqs: [1, 2, 3],
      })
      expect(recalled).to.have.property('recalled').with.lengthOf(2)
      const request = { userId: 'user-1', group: 'g' }
      expect((await postDisconnect(node.url, await adminToken(), request)).status).to.equal(200)
      for (const process of [receiver, node]) {
        await waitUntil('it is ready', async () => (await fetch(`${process.url}/readyz`)).ok)
        expect(process.output()).to.not.include('NOPERM')
      }
      for (const send of servers) expect(await send('ACL', 'LOG')).to.deep.equal([])
    })
  }

  /** Runs a node that cannot start. Returns its output. */
  const failToStart = async (settings: Readonly<Record<string, string>>): Promise<string> => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const { exited, output } = runGateway(['start'], {
      SDK_APP_ID: '1400000000',
      JWT_SECRET: 'j'.repeat(32),
      DATA_DIR: folder.path,
      ROLE: 'node',
      PORT: '0',
      ...settings,
    })
    expect(await exited).to.not.equal(0)
    expect(output()).to.not.include(PASSWORD)
    expect(output()).to.match(/^[^\n]*"gateway starting"}\nrecall-gateway: START_FAILED: [^\n]*\n$/)
    return output()
  }

  it('names the cause and the setting when the authority of the certificate is not trusted', async () => {
    const { settings } = await withTls()
    expect(await failToStart({ REDIS_URL: settings.REDIS_URL })).to.match(
      /cannot reach Redis.*DEPTH_ZERO_SELF_SIGNED_CERT.*NODE_EXTRA_CA_CERTS/,
    )
  })

  it('names the cause and the setting when the certificate has another name', async () => {
    const { settings, port } = await withTls()
    const REDIS_URL = `rediss://gateway:${PASSWORD}@127.0.0.2:${port}`
    expect(await failToStart({ ...settings, REDIS_URL })).to.match(
      /ERR_TLS_CERT_ALTNAME_INVALID.*\(REDIS_URL/,
    )
  })

  it('names the setting for the password of the sentinels, and that of the servers', async () => {
    const { settings } = await TOPOLOGIES.Sentinel()
    const { REDIS_SENTINEL_USERNAME: _username, REDIS_SENTINEL_PASSWORD: _password, ...rest } = settings
    expect(await failToStart(rest)).to.match(/WRONGPASS.*REDIS_SENTINEL_PASSWORD/)
    const REDIS_URL = settings.REDIS_URL.replace(PASSWORD, 'wrong')
    expect(await failToStart({ ...settings, REDIS_URL })).to.match(/WRONGPASS.*\(REDIS_URL\)/)
  })
})
