import { expect } from 'chai'
import { adminToken, connect } from '../support/client.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import { readMetric } from '../support/read-metric.ts'
import { startRedis } from '../support/redis-server.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

const MESSAGES = 200
const firstOf = (i: number): number => i * MESSAGES + 1
const large = (i: number) =>
  recallBody({
    GroupId: 'g',
    MsgSeqList: Array.from({ length: MESSAGES }, (_, j) => ({
      MsgSeq: firstOf(i) + j,
      MsgId: 'x'.repeat(100),
    })),
  })

/** Posts recalls until one is refused. Returns the first seq of each that was accepted, and how long the refusal took. */
async function fill(url: string) {
  const acknowledged: number[] = []
  let refusedAfterMs = 0
  for (let i = 0; refusedAfterMs === 0 && i < 1_000; i++) {
    const sentAtMs = Date.now()
    const { status } = await postWebhook(url, { body: large(i) })
    if (status === 200) acknowledged.push(firstOf(i))
    else refusedAfterMs = Date.now() - sentAtMs
  }
  return { acknowledged, refusedAfterMs }
}

describe('a full disk', () => {
  const onCleanUp = cleanUpAfterEach()

  it('causes 503 only after the provider has timed out, and neither ends the process nor disconnects sockets', async () => {
    const gateway = await startGatewayProcess({ MAX_FILE_BLOCKS: '2048' })
    onCleanUp(gateway.stop)
    const client = await connect(gateway.url, await adminToken())
    onCleanUp(client.close)
    await client.subscribe({ group: 'g' })

    const { acknowledged, refusedAfterMs } = await fill(gateway.url)
    expect(refusedAfterMs).to.be.above(2_000)
    expect((await fetch(`${gateway.url}/livez`)).status).to.equal(200)
    const { warnings } = (await (await fetch(`${gateway.url}/readyz`)).json()) as { warnings: string[] }
    expect(warnings.join()).to.include('the latest recall could not be stored: ')
    expect(client.socket.connected).to.equal(true)
    await waitUntil('the acknowledged recalls arrive', () => client.received.length >= acknowledged.length)
    expect(client.seqs()).to.include.members(acknowledged)
  })

  it('causes the same when the spool cannot grow, and the spool drains once Redis is back', async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const settings = { REDIS_URL: redis.url, HISTORY_SIZE: '10000', MAX_FILE_BLOCKS: '1024' }
    const gateway = await startGatewayProcess({ ...settings, ROLE: 'receiver' })
    onCleanUp(gateway.stop)
    const node = await startGatewayProcess({ REDIS_URL: redis.url, ROLE: 'node' })
    onCleanUp(node.stop)
    const client = await connect(node.url, await adminToken())
    onCleanUp(client.close)
    await client.subscribe({ group: 'g' })
    redis.signal('SIGSTOP')

    const { acknowledged, refusedAfterMs } = await fill(gateway.url)
    expect(acknowledged).to.not.be.empty
    expect(refusedAfterMs).to.be.above(2_000)
    expect(await (await fetch(`${gateway.url}/readyz`)).text()).to.match(
      /could not be stored: [^"]*file too large/,
    )
    redis.signal('SIGCONT')
    const isEmpty = async () => (await readMetric(gateway.url, 'spool_recalls')) === 0
    await waitUntil('the spool is empty', isEmpty)
    const isTold = (seq: number): boolean => client.seqs().includes(seq)
    await waitUntil('all that was acknowledged is told', () => acknowledged.every(isTold))
    // Redis was asked once more before the last one was refused, and may have taken it in the end.
    expect(client.seqs().filter((seq) => acknowledged.includes(seq))).to.deep.equal(acknowledged)
    expect((await postWebhook(gateway.url, { body: large(1_000) })).status).to.equal(200)
    expect(await (await fetch(`${gateway.url}/readyz`)).text()).to.not.include(
      'the latest recall could not be stored',
    )
  })
})
