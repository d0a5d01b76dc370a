import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { openRecalledSets } from '../../server/broker/embedded/recalled-sets.ts'
import { openLogStore } from '../../server/broker/embedded/log-store.ts'
import type { LogStore } from '../../server/broker/embedded/log-store.ts'
import { openStore } from '../../server/lib/data-dir.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const DAY_MS = 86_400_000

describe('what has expired in the store of the embedded broker', () => {
  const onCleanUp = cleanUpAfterEach()

  it('is removed some at a time, so that recalls are stored in between', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    mkdirSync(join(folder.path, 'broker'))
    const { now } = Date
    onCleanUp(() => void (Date.now = now))
    const open = (writtenAtMs: number, recalledTtlS?: number): LogStore => {
      const store = openLogStore({
        dataDir: folder.path,
        historySize: 10,
        historyTtlS: 60,
        recalledTtlS,
        writtenAtMs,
        createEpoch: () => 'e',
        onDamage: () => undefined,
        onNewEpoch: () => undefined,
        onBroken: () => undefined,
      })
      onCleanUp(store.close)
      return store
    }
    const rooms = Array.from({ length: 2_500 }, (_, i) => `group:${i}`)
    const countOf = ({ logs }: LogStore): number => rooms.filter((room) => logs.head(room)).length

    const beforeMs = now() - 40 * DAY_MS
    Date.now = () => beforeMs
    const before = open(beforeMs)
    await before.transaction(() => {
      for (const room of rooms) {
        before.logs.append(room, '{}')
        before.recalledSets.put({ group: room }, [1], 1, beforeMs)
      }
    })
    expect(countOf(before)).to.equal(2_500)
    await before.close()

    Date.now = now
    const kept = open(beforeMs, 60)
    expect(await kept.sweep(), 'by the clock of the store nothing has expired').to.equal(2 * 2_500)
    expect(countOf(kept)).to.equal(2_500)
    await kept.close()

    const store = open(now())
    const sweeping = store.sweep()
    expect(await store.transaction(() => countOf(store))).to.be.above(0)
    expect(await sweeping).to.equal(0)
    expect(countOf(store)).to.equal(0)
  })

  it('is removed together with others, so that not each waits for a flush to disk', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const root = openStore(join(folder.path, 'broker'))
    onCleanUp(() => root.close())
    let [running, mostTogether] = [0, 0]
    const sets = openRecalledSets(
      { root, onRotten: () => undefined, onBroken: () => undefined },
      {
        recalledTtlMs: 60_000,
        isClosed: () => false,
        async inTransaction(work) {
          mostTogether = Math.max(mostTogether, ++running)
          return await root.transaction(work).finally(() => running--)
        },
      },
    )
    const groups = Array.from({ length: 100 }, (_, i) => `g${i}`)
    await root.transaction(() => {
      for (const group of groups) sets.put({ group }, [1], 1, 1)
    })
    const nowMs = (): number => Date.now()
    await sets.sweep({ stampMs: nowMs, expiryMs: nowMs, latestStampMs: nowMs })
    expect(groups.some((group) => sets.get({ group }, 1) !== undefined)).to.equal(false)
    expect(mostTogether).to.be.within(2, 20)
  })
})
