import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { DATABASES } from '../../server/broker/embedded/databases.ts'
import { openLogStore } from '../../server/broker/embedded/log-store.ts'
import type { LogStore } from '../../server/broker/embedded/log-store.ts'
import { openStore } from '../../server/lib/data-dir.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const ROOM = 'group:g'

describe('a log of the embedded broker', () => {
  const onCleanUp = cleanUpAfterEach()
  let dataDir: string
  let damages: number

  beforeEach(() => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    dataDir = folder.path
    mkdirSync(join(dataDir, 'broker'))
    damages = 0
  })

  function open(historySize: number): LogStore {
    const store = openLogStore({
      dataDir,
      historySize,
      historyTtlS: 60,
      writtenAtMs: Date.now(),
      createEpoch: () => 'e',
      onDamage: () => damages++,
      onNewEpoch: () => undefined,
      onBroken: () => undefined,
    })
    onCleanUp(store.close)
    return store
  }

  const append = (store: LogStore, count: number) =>
    store.transaction(() => {
      for (let i = 0; i < count; i++) store.logs.append(ROOM, '{}')
    })

  it('goes on behind entries that are rotten, however many', async () => {
    const before = open(1_000)
    await append(before, 200)
    await before.close()
    const root = openStore(join(dataDir, 'broker'))
    const entries = root.openDB<Buffer, [string, number]>('entries', { encoding: 'binary' })
    await root.transaction(() => {
      for (let offset = 1; offset <= 120; offset++) {
        const value = Buffer.from(entries.get([ROOM, offset]) ?? '')
        value[0] = value[1] = 0
        entries.putSync([ROOM, offset], value)
      }
    })
    await root.close()
    const store = open(1_000)
    const offsets = store.logs.after(ROOM, 0, 50).map(({ offset }) => offset)
    expect(offsets).to.deep.equal(Array.from({ length: 50 }, (_, i) => 121 + i))
    expect(damages).to.be.at.least(120)
    expect(store.logs.after(ROOM, 190, 50)).to.have.length(10)
  })

  it('keeps notes of who was told beside announcements, as long as their entries', async () => {
    // The last release takes a store with another database for damaged, and gives each log a new epoch.
    expect(Object.keys(DATABASES)).to.have.members([
      'heads',
      'entries',
      'announcements',
      'recalled',
      'recalled-sets',
      'group-ends',
    ])
    const before = open(3)
    await append(before, 3)
    await before.transaction(() => {
      for (const offset of [1, 2, 3, 4])
        before.logs.noteTold(ROOM, offset, { atMs: 7, receivedAtMs: offset, node: 'n' })
    })
    await before.close()
    const store = open(3)
    expect([...store.logs.told(ROOM, 1, 10).keys()]).to.deep.equal([1, 2, 3])
    await append(store, 2)
    expect([...store.logs.told(ROOM, 1, 10)]).to.deep.equal([[3, { atMs: 7, receivedAtMs: 3, node: 'n' }]])
    expect(store.announcements.current('revocations', Date.now())).to.deep.equal([])
    // The last release trims logs, and knows no notes.
    await store.transaction(() =>
      store.announcements.database.putSync(['told:group:g', 2], {
        atMs: 7,
        text: '{"receivedAtMs":2,"node":"n"}',
      }),
    )
    await store.sweep()
    expect([...store.logs.told(ROOM, 1, 10).keys()]).to.deep.equal([3])
    await store.transaction(() => store.logs.end(ROOM))
    expect(store.logs.told(ROOM, 1, 10).size).to.equal(0)
  })
})
