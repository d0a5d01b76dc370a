import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { pino } from 'pino'
import { openMended } from '../../server/broker/embedded/open-mended.ts'
import { createReopeningStore } from '../../server/broker/embedded/reopening-store.ts'
import { systemDisk } from '../../server/lib/disk.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'

describe('a store that turns out to be broken', () => {
  const onCleanUp = cleanUpAfterEach()

  it('is opened again until that succeeds, or until it is closed', async () => {
    const { path: dataDir, remove } = temporaryFolder()
    onCleanUp(remove)
    const log = pino({ level: 'silent' })
    let [failures, isFull, mended] = [0, false, 0]
    const wereBroken: boolean[] = []
    const disk = {
      ...systemDisk,
      makeFolder(name: string) {
        if (isFull) {
          failures++
          throw new Error('ENOSPC: no space left on device')
        }
        systemDisk.makeFolder(name)
      },
    }
    const store = createReopeningStore({
      open(isBroken) {
        wereBroken.push(isBroken)
        return openMended({
          dataDir,
          historySize: 10,
          historyTtlS: 60,
          disk,
          isBroken,
          createEpoch: randomUUID,
          onDamage: () => undefined,
          onNewEpoch: () => undefined,
          onBroken: store.broken,
          log,
        })
      },
      onMended: () => mended++,
      log,
    })
    onCleanUp(store.close)
    const before = await store.open()
    const head = await before.transaction(() => before.logs.append('group:g', 'text'))
    isFull = true
    store.broken(new Error('MDB_CORRUPTED'))
    await waitUntil('it has failed twice', () => failures >= 2)
    expect(store.get).to.throw('the local store is not open')
    isFull = false
    await waitUntil('it is open', store.isOpen)
    expect(mended).to.equal(1)
    expect(wereBroken.indexOf(true), 'it is read as a whole then').to.equal(1)
    expect(store.get().logs.head('group:g')).to.deep.equal(head)

    isFull = true
    store.broken(new Error('MDB_CORRUPTED'))
    await waitUntil('it fails again', () => failures >= 3)
    await store.close()
    expect(store.isOpen()).to.equal(false)
  })
})
