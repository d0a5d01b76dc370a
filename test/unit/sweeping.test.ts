import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { openLogStore } from '../../server/broker/embedded/log-store.ts'
import type { LogStore } from '../../server/broker/embedded/log-store.ts'
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
})
