import { randomUUID } from 'node:crypto'
import { closeSync, existsSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { pino } from 'pino'
import { openMended } from '../../server/broker/embedded/open-mended.ts'
import { checkWritable } from '../../server/lib/data-dir.ts'
import { systemDisk } from '../../server/lib/disk.ts'
import type { Disk } from '../../server/lib/disk.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const PAGE_BYTES = 4_096

describe('the store of the embedded broker, started on a full disk', () => {
  const onCleanUp = cleanUpAfterEach()
  let dataDir: string
  let lines: string[]
  const fullDisk: Disk = {
    ...systemDisk,
    free: () => PAGE_BYTES,
    replace() {
      throw new Error('ENOSPC: no space left on device, write')
    },
  }

  beforeEach(() => {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    dataDir = folder.path
    lines = []
  })

  const open = (disk: Disk) =>
    openMended({
      dataDir,
      historySize: 100,
      historyTtlS: 600,
      disk,
      isBroken: false,
      createEpoch: randomUUID,
      onDamage: () => undefined,
      onNewEpoch: () => undefined,
      onBroken: () => undefined,
      log: pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) }),
    })

  async function fill() {
    const store = await open(systemDisk)
    const append = (i: number) => store.logs.append(`group:${i % 20}`, JSON.stringify({ m: 'x'.repeat(500) }))
    await store.transaction(() => Array.from({ length: 400 }, (_, i) => append(i)))
    const head = store.logs.head('group:1')
    await store.close()
    return head
  }

  it('opens, and says that it cannot write', async () => {
    const head = await fill()
    const store = await open(fullDisk)
    expect(store.logs.head('group:1')).to.deep.equal(head)
    await store.close()
    expect(lines.join()).to.include('cannot write on the disk of the store').and.include('ENOSPC')
  })

  it('says how much room a damaged one needs, and leaves it as it is', async () => {
    const head = await fill()
    const file = join(dataDir, 'broker', 'data.mdb')
    const fd = openSync(file, 'r+')
    for (let page = 5; page < 12; page++) writeSync(fd, Buffer.alloc(64, 0x5a), 0, 64, page * PAGE_BYTES)
    closeSync(fd)
    const error = await open(fullDisk).catch(String)
    expect(error).to.match(/no room on the disk: \d+ MiB must be free in .*broker to salvage .*, 0 MiB are/)
    expect(existsSync(join(dataDir, 'broker', 'salvaged.mdb'))).to.equal(false)
    const store = await open(systemDisk)
    expect(store.logs.head('group:1')?.offset).to.equal(head?.offset)
    await store.close()
  })

  it('is not created there', async () => {
    expect(await open(fullDisk).catch(String)).to.match(/no room on the disk: 4 MiB .* to create the store/)
  })

  it('is not refused because the disk cannot hold another file', () => {
    const failing = (code: string) => () =>
      checkWritable(dataDir, () => {
        throw Object.assign(new Error(`${code}: open`), { code })
      })
    for (const code of ['ENOSPC', 'EDQUOT']) expect(failing(code)).not.to.throw()
    for (const code of ['EACCES', 'EROFS']) expect(failing(code)).to.throw(code)
  })
})
