import { expect } from 'chai'
import { createClient } from 'redis'
import { decodeAnnouncement } from '../../server/auth/announcements.ts'
import { decodeEntry, encodeEntry, joinEntry, unreadableVersion } from '../../server/broker/history.ts'
import { encodeHeartbeat } from '../../server/telemetry/heartbeat-state.ts'
import type { SentState } from '../../server/telemetry/heartbeat-state.ts'
import { Receivers } from '../../server/realtime/delivery/receivers.ts'
import { VERSION } from '../../shared/version.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { adminToken, connect } from '../support/client.ts'
import { postDisconnect } from '../support/disconnect.ts'
import { APP, startGatewayProcess } from '../support/gateway-process.ts'
import { get } from '../support/http-api.ts'
import { readMetric } from '../support/read-metric.ts'
import { startRedis } from '../support/redis-server.ts'
import { waitUntil } from '../support/wait.ts'
import { postWebhook, recallBody } from '../support/webhook.ts'

const RECALL = { messages: [{ seq: 7 }], group: 'g', recalledAtMs: 1, receivedAtMs: 1 }
const BASE = `recall-gateway:{${APP}}`
const NEXT = VERSION + 1
const LATER = VERSION + 2

describe('the version of what is written', () => {
  const entryOf = (version: unknown): string => JSON.stringify({ ...RECALL, v: version })

  it('stands in each entry of a log, and in no notice', () => {
    const entry = encodeEntry(RECALL)
    const text = joinEntry(entry, entry.messages)
    expect(JSON.parse(text)).to.include({ v: VERSION })
    expect(decodeEntry(text, 3)).to.deep.equal({ ...RECALL, offset: 3 })
  })

  it('is read if it is missing, as in version 1, and up to the next one', () => {
    for (const version of [undefined, 1, VERSION, NEXT]) {
      expect(decodeEntry(entryOf(version), 3)).to.deep.equal({ ...RECALL, offset: 3 })
      expect(unreadableVersion(entryOf(version))).to.equal(undefined)
    }
  })

  it('makes an entry unreadable beyond that, and if it is no version', () => {
    for (const version of [LATER, 99, 0, -1, 1.5, '2', {}])
      expect(decodeEntry(entryOf(version), 3), JSON.stringify(version)).to.equal(null)
    expect(unreadableVersion(entryOf(LATER))).to.equal(LATER)
    expect(unreadableVersion('no entry')).to.equal(undefined)
  })

  it('may add keys to an announcement, which then revokes no less', () => {
    const revoked = { kind: 'revoked', userId: 'u', group: 'g', untilMs: 1 }
    expect(decodeAnnouncement(JSON.stringify({ ...revoked, device: 'd' }))).to.deep.equal(revoked)
  })

  it('stands in each heartbeat; one that cannot be read puts the node in doubt', () => {
    const state = { reasons: [], warnings: [] } as unknown as SentState
    expect(JSON.parse(encodeHeartbeat(state))).to.include({ v: VERSION })
    const receivers = new Receivers(0)
    const read = (v: number, atMs: number): string[] => {
      const spool = { recalls: 0, bytes: 0, ageMs: 0 }
      receivers.read(
        [{ id: 'p', ageMs: 0, text: JSON.stringify({ v, dataFolder: 'f', ready: true, spool }) }],
        atMs,
      )
      return receivers.causes(atMs).map(({ reason }) => reason)
    }
    expect(read(NEXT, 1_000)).to.deep.equal([])
    expect(read(LATER, 2_000)).to.have.lengthOf(1)
    expect(read(LATER, 2_000)[0]).to.include('update this node')
  })
})

describe('a gateway on a Redis with entries of a later version', () => {
  const onCleanUp = cleanUpAfterEach()

  it('tells a gap instead of an entry that it cannot read, says so to the operator, and goes on', async () => {
    const redis = await startRedis()
    onCleanUp(redis.stop)
    const gateway = await startGatewayProcess({ REDIS_URL: redis.url })
    onCleanUp(gateway.stop)
    const admin = await createClient({ url: redis.url }).connect()
    onCleanUp(() => admin.destroy())
    const send = (...command: string[]) => admin.sendCommand(command)
    const client = await connect(gateway.url, await adminToken())
    onCleanUp(client.close)
    const recall = async (seq: number): Promise<void> => {
      const body = recallBody({ GroupId: 'g', MsgSeqList: [{ MsgSeq: seq }] })
      expect((await postWebhook(gateway.url, { body })).status).to.equal(200)
    }
    /** As the publish script of another version would store it. */
    const store = async (v: number, offset: number): Promise<void> => {
      const entry = JSON.stringify({ ...RECALL, messages: [{ seq: 100 + v }], v })
      await send('XADD', `${BASE}:log:group:g`, `${offset}-0`, 'r', entry)
      await send('HSET', `${BASE}:head:group:g`, 'offset', String(offset))
      const epoch = await admin.hGet(`${BASE}:head:group:g`, 'epoch')
      await send('SPUBLISH', `${BASE}:notices:group:g`, `${epoch}:${offset}:${entry}`)
    }
    await client.subscribe({ group: 'g' })
    await recall(1)
    await store(NEXT, 2)
    await store(LATER, 3)
    const [gap] = await waitUntil('the gap arrives', () => client.gaps.length > 0 && client.gaps)
    expect(gap).to.deep.include({ room: { group: 'g' }, reason: 'unreadable' })
    await recall(4)
    await waitUntil('the next recall arrives', () => client.seqs().includes(4))
    expect(client.seqs()).to.deep.equal([1, 100 + NEXT, 4])
    expect(await readMetric(gateway.url, 'gaps_total{reason="unreadable"}')).to.be.at.least(1)
    await waitUntil('the operator is told', async () => {
      const { body } = await get(gateway.url, '/v1/status', await adminToken())
      return JSON.stringify(body).includes(`version ${LATER}`)
    })
    expect(gateway.output()).to.include('of a version that this process cannot read')

    await postDisconnect(gateway.url, await adminToken(), { userId: 'u' })
    const announcements = await send('XRANGE', `${BASE}:announcements:revocations`, '-', '+')
    expect(JSON.stringify(announcements)).to.include(`"v","${VERSION}"`)
  })
})
