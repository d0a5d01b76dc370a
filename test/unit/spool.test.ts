import { expect } from 'chai'
import { openSpool } from '../../server/broker/spooling/spool.ts'
import type { Recall } from '../../shared/recall.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'

const recallAt = (seq: number): Recall => ({
  group: 'g',
  messages: [{ seq }],
  recalledAtMs: 1,
  receivedAtMs: 1,
})

describe('spool', () => {
  const onCleanUp = cleanUpAfterEach()

  it('knows how old its oldest recall is, however the clock is set', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const spool = openSpool({ dataDir: folder.path, maxBytes: 2 ** 20 })
    onCleanUp(spool.close)
    const nowMs = Date.now()
    for (const [seq, receivedAtMs] of [nowMs - 5_000, nowMs + 60_000].entries())
      await spool.append({ ...recallAt(seq), receivedAtMs })
    for (const setBy of [0, -40_000, 3_600_000])
      expect(spool.depth(nowMs + setBy).ageMs).to.be.within(5_000, 6_000)
    await spool.remove(spool.oldest(1))
    expect(spool.depth(nowMs).ageMs).to.be.within(0, 1_000)
  })

  it('persists 2,000 recalls per second, because one flush serves all waiting recalls', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const spool = openSpool({ dataDir: folder.path, maxBytes: 2 ** 30 })
    onCleanUp(spool.close)
    const [recalls, senders] = [10_000, 64]
    let next = 0
    const send = async (): Promise<void> => {
      while (next < recalls) await spool.append(recallAt(++next))
    }
    const startedAtMs = performance.now()
    await Promise.all(Array.from({ length: senders }, send))
    const tookS = (performance.now() - startedAtMs) / 1_000
    expect(recalls / tookS).to.be.above(2_000)
    expect(spool.oldest(recalls).map(({ recall }) => recall?.messages[0]?.seq)).to.deep.equal(
      Array.from({ length: recalls }, (_, i) => i + 1),
    )
  })
})
