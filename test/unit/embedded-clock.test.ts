import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { pino } from 'pino'
import { createEmbeddedBroker } from '../../server/broker/embedded/embedded-broker.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const DAY_MS = 86_400_000
const TTL_S = (30 * DAY_MS) / 1_000

describe('the store of the embedded broker, when the clock is wrong', () => {
  const onCleanUp = cleanUpAfterEach()
  const rightClock = Date.now
  let dataDir: string
  let lines: string[]

  beforeEach(() => {
    const folder = temporaryFolder()
    onCleanUp(() => (Date.now = rightClock))
    onCleanUp(folder.remove)
    dataDir = folder.path
    lines = []
  })

  const setClock = (aheadMs: number): void => void (Date.now = () => rightClock() + aheadMs)

  async function open() {
    const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) })
    const options = { historySize: 10, historyTtlS: TTL_S, recalledTtlS: TTL_S, dataDir }
    const broker = createEmbeddedBroker(options, { log })
    await broker.start()
    onCleanUp(broker.stop)
    return {
      ...broker,
      recall: async (group: string, seq: number) => {
        const nowMs = Date.now()
        await broker.publish({ group, messages: [{ seq }], recalledAtMs: nowMs, receivedAtMs: nowMs }, 5_000)
      },
      knows: async (group: string, seq: number) => (await broker.recalled({ group }, [seq])).length === 1,
      notices: async (group: string) => (await broker.historyBefore({ group }, Infinity, 10)).notices.length,
    }
  }

  for (const state of ['whole', 'missing'])
    it(`deletes nothing by a clock that is ahead at a start, and says so, with a state file that is ${state}`, async () => {
      let broker = await open()
      await broker.endGroup('ended', Date.now())
      await broker.announce('memberships', 'ended')
      for (const group of ['a', 'b', 'c']) await broker.recall(group, 1)
      const heads = await broker.heads([{ group: 'a' }, { group: 'b' }])
      await broker.stop()

      if (state === 'missing') rmSync(join(dataDir, 'broker', 'state'))
      setClock(4_000 * DAY_MS)
      broker = await open()
      await broker.recall('a', 2)
      expect(await broker.heads([{ group: 'a' }, { group: 'b' }])).to.deep.equal([
        { epoch: heads[0]?.epoch, offset: 2 },
        heads[1],
      ])
      expect(await broker.notices('b')).to.equal(1)
      const announced: string[] = []
      broker.onAnnouncement('memberships', (text) => announced.push(text))
      expect(announced).to.deep.equal(['ended'])
      expect(lines.join()).to.include('the clock is further ahead of the newest write')

      setClock(0)
      await broker.recall('ended', 1)
      for (let starts = 0; starts < 2; starts++) {
        for (const group of ['a', 'b', 'c']) expect(await broker.knows(group, 1), group).to.equal(true)
        expect(await broker.heads([{ group: 'b' }])).to.deep.equal([heads[1]])
        await broker.recall('a', 3 + starts)
        await broker.stop()
        lines = []
        broker = await open()
      }
      // What was written then is no measure for the clock any more.
      await broker.stop()
      setClock(3_000 * DAY_MS)
      broker = await open()
      expect(await broker.knows('b', 1)).to.equal(true)
    })

  it('does not take for old what was stored while the clock was behind', async () => {
    let broker = await open()
    await broker.recall('a', 1)
    await broker.stop()
    setClock(-4_000 * DAY_MS)
    broker = await open()
    await broker.recall('a', 2)
    await broker.stop()
    setClock(0)
    broker = await open()
    expect(await broker.knows('a', 1)).to.equal(true)
    expect(await broker.knows('a', 2)).to.equal(true)
    expect(await broker.notices('a')).to.equal(2)
    expect(lines).to.deep.equal([])
  })

  it('deletes what has expired since, once there is a newer write', async () => {
    let broker = await open()
    await broker.recall('a', 1)
    await broker.stop()
    setClock(40 * DAY_MS)
    broker = await open()
    await broker.recall('b', 1)
    await broker.stop()
    broker = await open()
    expect(await broker.knows('a', 1)).to.equal(false)
    expect(await broker.notices('a')).to.equal(0)
    expect(await broker.knows('b', 1)).to.equal(true)
  })
})
