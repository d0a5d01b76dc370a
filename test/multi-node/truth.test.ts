import { expect } from 'chai'
import type { StatusResponse } from '../../shared/http-api.ts'
import { createRecallClient } from '../../shared/client.ts'
import type { RecallClient } from '../../shared/client.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { adminToken } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { get } from '../support/http-api.ts'
import { startRedis } from '../support/redis-server.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody, signedQuery } from '../support/webhook.ts'
import { seqsOf } from '../support/seqs.ts'

/** How soon the status names what keeps recalls from coming in. */
const RED_WITHIN_MS = 10_000
/** Enough calls that it is no accident. */
const REFUSED_CALLS = 30

describe('what the status and clients say while recalls cannot come in', () => {
  const onCleanUp = cleanUpAfterEach()
  let redis: RedisServer
  let receiver: GatewayProcess
  let node: GatewayProcess
  let receiverSettings: Record<string, string>

  const start = async (settings: Readonly<Record<string, string>>): Promise<GatewayProcess> => {
    const gateway = await startGatewayProcess({ REDIS_URL: redis.url, ...settings })
    onCleanUp(gateway.stop)
    return gateway
  }
  beforeEach(async () => {
    redis = await startRedis()
    onCleanUp(redis.stop)
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    receiverSettings = { ROLE: 'receiver', DATA_DIR: folder.path, PORT: String(await freePort()) }
    ;[receiver, node] = await Promise.all([start(receiverSettings), start({ ROLE: 'node' })])
  })

  const criticalOf = async (): Promise<string[]> => {
    const { body } = await get(node.url, '/v1/status', await adminToken())
    const { problems } = body as unknown as StatusResponse
    return problems.filter(({ severity }) => severity === 'critical').map(({ code }) => code)
  }
  const says = (code: string) =>
    waitUntil(`the status says ${code}`, async () => (await criticalOf()).includes(code), RED_WITHIN_MS)
  const isWell = () => waitUntil('the status has no problem', async () => (await criticalOf()).length === 0)
  const post = (seq: number, query = signedQuery()) =>
    postWebhook(receiver.url, { query, body: recallBody({ GroupId: 'g', MsgSeqList: [{ MsgSeq: seq }] }) })
  const listen = async () => {
    const client = createRecallClient({ url: node.url, getToken: adminToken })
    onCleanUp(() => client.close())
    const seqs: number[] = []
    client.subscribe({ group: 'g' }, ({ messages }) => void seqs.push(...seqsOf(messages)))
    await isLive(client)
    return { client, seqs }
  }
  const isLive = (client: RecallClient) => waitUntil('the client is live', () => client.state.kind === 'live')

  it('name a receiver that was killed, and a client says what is true, until its disk is read', async () => {
    await isWell()
    const { client, seqs } = await listen()
    redis.signal('SIGSTOP')
    for (const seq of [1, 2, 3]) expect((await post(seq)).status).to.equal(200)
    receiver.signal('SIGKILL')
    await receiver.exited
    redis.signal('SIGCONT')
    await says('NO_RECEIVER')
    await waitUntil('it is stale', () => client.state.kind === 'stale')
    expect((await criticalOf()).includes('DELIVERY_IN_DOUBT')).to.equal(true)

    receiver = await start(receiverSettings)
    await waitUntil('the client has them', () => seqs.length >= 3)
    await isLive(client)
    await isWell()
    expect(seqs).to.deep.equal([1, 2, 3])
  })

  it('name a webhook token that differs, and are well again once recalls come in', async () => {
    const { client, seqs } = await listen()
    const forged = { ...signedQuery(), Sign: '0'.repeat(64) }
    for (let seq = 1; seq <= REFUSED_CALLS; seq++) expect((await post(seq, forged)).status).to.equal(401)
    await says('WEBHOOKS_REFUSED')
    for (let seq = 1; seq <= REFUSED_CALLS; seq++) expect((await post(seq)).status).to.equal(200)
    await isWell()
    await waitUntil('the client has them', () => seqs.length === REFUSED_CALLS)
    await isLive(client)
  })
})
