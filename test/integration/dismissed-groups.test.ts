import { expect } from 'chai'
import { adminToken, connect } from '../support/client.ts'
import { startGatewayProcess } from '../support/gateway-process.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { startRedis } from '../support/redis-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody, signedQuery } from '../support/webhook.ts'

const DESTROYED = 'Group.CallbackAfterGroupDestroyed'
const START_MS = Date.now() - 60_000

describe('a group that was dismissed, and made again with the same id', () => {
  const onCleanUp = cleanUpAfterEach()

  const start = async (settings: Readonly<Record<string, string>> = {}) => {
    const gateway = await startGatewayProcess(settings)
    onCleanUp(gateway.stop)
    return gateway
  }
  const recall = async (to: GatewayProcess, seq: number, afterMs: number, topic?: string) => {
    const fields = { GroupId: 'g', MsgSeqList: [{ MsgSeq: seq }], EventTime: START_MS + afterMs }
    const body = recallBody({ ...fields, ...(topic !== undefined && { TopicId: topic }) })
    expect((await postWebhook(to.url, { body })).status).to.equal(200)
  }
  const dismiss = async (to: GatewayProcess, time: unknown) => {
    const body = { CallbackCommand: DESTROYED, GroupId: 'g', Type: 'Community', EventTime: time }
    const { status, body: response } = await postWebhook(to.url, { query: signedQuery(DESTROYED), body })
    expect([status, response.ActionStatus]).to.deep.equal([200, 'OK'])
  }
  const recalled = async (from: GatewayProcess, topic?: string) => {
    const query = new URLSearchParams({ group: 'g', seqs: '1-9', ...(topic !== undefined && { topic }) })
    const headers = { Authorization: `Bearer ${await adminToken()}` }
    const response = await fetch(`${from.url}/v1/recalled?${query.toString()}`, { headers })
    const { recalled: list } = (await response.json()) as { recalled: { seq: number }[] }
    return list.map(({ seq }) => seq)
  }

  for (const kind of ['embedded', 'redis'])
    it(`has none of the recalls of the first one (${kind})`, async () => {
      const redis = kind === 'redis' ? await startRedis() : undefined
      if (redis) onCleanUp(redis.stop)
      const gateway = await start(redis ? { REDIS_URL: redis.url } : {})
      const client = await connect(gateway.url, await adminToken())
      onCleanUp(client.close)
      await client.subscribe({ group: 'g' })
      await recall(gateway, 1, 0)
      await recall(gateway, 2, 0, 't')
      await client.count(2)
      // The first recall of the next group overtakes the webhook.
      await recall(gateway, 3, 2_000)
      await dismiss(gateway, String(START_MS + 1_000))
      await waitUntil('the gap', () => client.gaps.length > 0)
      expect(await recalled(gateway)).to.deep.equal([3])
      expect(await recalled(gateway, 't')).to.deep.equal([])
      await recall(gateway, 1, 3_000)
      await waitUntil('the next recall', () => client.seqs().includes(1))
      // One of the first group comes late, for example from a spool.
      await recall(gateway, 4, 500)
      expect(await recalled(gateway)).to.deep.equal([1, 3])
      // Without a credible time: all until now.
      await dismiss(gateway, undefined)
      expect(await recalled(gateway)).to.deep.equal([])
    })

  it('has none of them either if Redis was away, and the receiver was killed meanwhile', async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const settings = { REDIS_URL: redis.url, DATA_DIR: folder.path }
    const first = await start(settings)
    await recall(first, 1, 0)
    redis.signal('SIGSTOP')
    await recall(first, 2, 500)
    await dismiss(first, START_MS + 1_000)
    await recall(first, 3, 2_000)
    first.signal('SIGKILL')
    await first.stop()
    redis.signal('SIGCONT')
    const second = await start(settings)
    await waitUntil('the end of the group is known', async () => !(await recalled(second)).includes(1))
    await waitUntil('the spool is published', async () => (await recalled(second)).includes(3))
    expect(await recalled(second)).to.deep.equal([3])
  })
})
