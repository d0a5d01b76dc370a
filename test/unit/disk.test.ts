import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { systemDisk } from '../../server/lib/disk.ts'
import { notRun } from '../support/not-run.ts'

/** Where nothing is mapped, reading it fails with EIO. */
const MEMORY = '/proc/self/mem'
const PAGE_BYTES = 4_096

describe('the disk', () => {
  const firstMapped = (): number =>
    parseInt(/^([0-9a-f]+)-/.exec(readFileSync('/proc/self/maps', 'latin1'))?.[1] ?? '', 16)

  it('reads what is around a part that cannot be read', function () {
    if (process.platform !== 'linux') return notRun(this, 'only Linux has such a file')
    const first = firstMapped()
    const content = systemDisk.read(MEMORY, first - 2 * PAGE_BYTES + 100, 2 * PAGE_BYTES)
    expect(content.length).to.equal(2 * PAGE_BYTES)
    expect(content.subarray(0, -100).every((byte) => byte === 0xff)).to.equal(true)
    expect(content.subarray(-100)).to.deep.equal(systemDisk.read(MEMORY, first, 100))
    expect(content.subarray(-100, -96).toString('latin1')).to.equal('\x7fELF')
  })
  it('counts as away if it returns nothing of a large part', function () {
    if (process.platform !== 'linux') return notRun(this, 'only Linux has such a file')
    const bytes = 100 * PAGE_BYTES
    expect(() => systemDisk.read(MEMORY, firstMapped() - bytes, bytes)).to.throw('EIO')
  })
})
