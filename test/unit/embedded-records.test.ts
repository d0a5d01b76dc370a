import { expect } from 'chai'
import { pino } from 'pino'
import { createEmbeddedBroker } from '../../server/broker/embedded/embedded-broker.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const DAY_MS = 86_400_000

describe('records of the embedded broker', () => {
  const onCleanUp = cleanUpAfterEach()
  const { now } = Date
  afterEach(() => {
    Date.now = now
  })

  it('expire after 90 days, and are removed as others follow', async () => {
    const folder = temporaryFolder()
    onCleanUp(() => folder.remove())
    const openAt = async (ms: number) => {
      Date.now = () => ms
      const options = { historySize: 10, historyTtlS: 60, dataDir: folder.path }
      const broker = createEmbeddedBroker(options, { log: pino({ level: 'silent' }) })
      await broker.start()
      return broker
    }
    const recall = { group: 'g', messages: [{ seq: 1 }], recalledAtMs: 1, receivedAtMs: 1 }
    const startMs = now()
    const read = async (broker: Awaited<ReturnType<typeof openAt>>) =>
      (await broker.records('audit', { limit: 10 })).records.map(({ text }) => text)

    let broker = await openAt(startMs)
    for (const text of ['a', 'b']) await broker.record('audit', text)
    await broker.stop()
    broker = await openAt(startMs + DAY_MS)
    await broker.record('audit', 'c')
    // Nothing is older than the newest write shows.
    await broker.publish(recall, 2_000)
    await broker.stop()
    broker = await openAt(startMs + 90 * DAY_MS)
    await broker.publish({ ...recall, messages: [{ seq: 2 }] }, 2_000)
    await broker.stop()
    broker = await openAt(startMs + 90 * DAY_MS + 1_000)
    onCleanUp(() => broker.stop())
    expect(await read(broker)).to.deep.equal(['c'])
    await broker.record('audit', 'd')
    expect(await read(broker)).to.deep.equal(['d', 'c'])
    // The clock is set back: what expired is gone for good.
    Date.now = () => startMs
    expect(await read(broker)).to.deep.equal(['d', 'c'])
  })
})
