import { join } from 'node:path'
import { expect } from 'chai'
import { systemDisk } from '../../server/lib/disk.ts'
import type { Disk } from '../../server/lib/disk.ts'
import { openQuarantine } from '../../server/receiver/quarantine/quarantine-files.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const request = (reason: string) => ({ receivedAtMs: 1, query: '', body: '{}', reason })

describe('quarantine on disk', () => {
  const onCleanUp = cleanUpAfterEach()

  it('keeps recalls that were answered with OK, however many webhooks are not understood', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    let evicted = 0
    const onEvicted = (requests: number): void => void (evicted += requests)
    const quarantine = await openQuarantine({ dataDir: folder.path, onEvicted })
    onCleanUp(quarantine.close)
    await quarantine.add(request('first'))
    await quarantine.addRecall(request('recall'))
    await Promise.all(Array.from({ length: 1_000 }, () => quarantine.add(request('junk'))))
    expect(evicted).to.equal(1)
    expect(quarantine.size()).to.equal(1_001)
    const [first, second] = quarantine.list()
    expect(first?.request.reason).to.equal('recall')
    expect(second?.id).to.equal((first?.id ?? 0) + 1)
    if (first) await quarantine.remove([first.id])
    expect(quarantine.list().map(({ request: { reason } }) => reason)).to.not.include('recall')
    expect(quarantine.size()).to.equal(1_000)
  })

  it('gives no id that an entry has, although the newest were removed before the process was started again', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const before = await openQuarantine({ dataDir: folder.path })
    for (const reason of ['one', 'two', 'three', 'four']) await before.add(request(reason))
    for (const { id } of before.list().slice(2)) await before.remove([id])
    await before.close()
    const quarantine = await openQuarantine({ dataDir: folder.path })
    onCleanUp(quarantine.close)
    await quarantine.add(request('five'))
    expect(quarantine.list().map(({ id }) => id)).to.deep.equal([1, 2, 3])
  })

  it('lists no other entry in the place of one that has rotted', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const quarantine = await openQuarantine({ dataDir: folder.path })
    onCleanUp(quarantine.close)
    await quarantine.addRotten(Buffer.from('bytes'), 'rotten')
    await quarantine.add(request('junk'))
    let hasRotted = false
    const disk: Disk = {
      ...systemDisk,
      read: (file, ...part) =>
        hasRotted && file.includes('webhook')
          ? systemDisk.read(file, ...part).fill(0xff)
          : systemDisk.read(file, ...part),
    }
    const other = await openQuarantine({ dataDir: folder.path, isOwner: false, disk })
    onCleanUp(other.close)
    hasRotted = true
    for (const { id } of other.list()) if (id !== 1) await other.remove([id])
    expect(other.list().map(({ id, kind }) => ({ id, kind }))).to.deep.equal([{ id: 1, kind: 'rotten' }])
  })

  it('lists nothing that was removed before, although its owner removes it from the files just then', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const quarantine = await openQuarantine({ dataDir: folder.path })
    onCleanUp(quarantine.close)
    await quarantine.add(request('junk'))
    await quarantine.addRecall(request('recall'))
    const other = await openQuarantine({ dataDir: folder.path, isOwner: false })
    onCleanUp(other.close)
    await other.remove([1, 2])
    const marks = join(folder.path, 'quarantine')
    const disk: Disk = {
      ...systemDisk,
      list(path) {
        const names = systemDisk.list(path)
        // What the owner does as soon as the journals say what the marks did, which this reader has not seen there.
        if (path === join(marks, 'rotten'))
          for (const name of systemDisk.list(marks))
            if (name.endsWith('.removed')) systemDisk.remove(join(marks, name))
        return names
      },
    }
    const reader = await openQuarantine({ dataDir: folder.path, isOwner: false, disk })
    onCleanUp(reader.close)
    expect(systemDisk.list(marks).filter((name) => name.endsWith('.removed'))).to.be.empty
    expect(reader.list()).to.be.empty
  })

  it('keeps thousands of rotten entries together, without that anybody waits for each', async () => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    let flushes = 0
    const disk: Disk = {
      ...systemDisk,
      replace(file, content) {
        flushes++
        systemDisk.replace(file, content)
      },
      async create(name) {
        const file = await systemDisk.create(name)
        return { ...file, sync: () => (flushes++, file.sync()) }
      },
    }
    const quarantine = await openQuarantine({ dataDir: folder.path, disk })
    await Promise.all(
      Array.from({ length: 900 }, (_, i) => quarantine.addRotten(Buffer.from(`bytes ${i}`), 'rotten')),
    )
    expect(flushes).to.be.below(10)
    await quarantine.close()
    const next = await openQuarantine({ dataDir: folder.path })
    onCleanUp(next.close)
    expect(next.list().map(({ request: { body } }) => body)).to.include.members(['bytes 0', 'bytes 899'])
    expect(next.size()).to.equal(900)
  })
})
