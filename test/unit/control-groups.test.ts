import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { controlGroupLimit } from '../../server/lib/control-groups.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const MIB = 2 ** 20
const UNLIMITED = '9223372036854771712'

describe('the memory that control groups allow', () => {
  const onCleanUp = cleanUpAfterEach()

  function limit(files: Readonly<Record<string, string>>): number {
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    for (const [name, text] of Object.entries(files)) {
      const file = join(folder.path, name)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, `${text}\n`)
    }
    return controlGroupLimit({ root: folder.path })
  }

  it('is the least of its own group and of those above it', () => {
    const own = 'sys/fs/cgroup/chat.slice/gateway.service'
    const files = { 'proc/self/cgroup': '0::/chat.slice/gateway.service', [`${own}/memory.max`]: 'max' }
    const slice = { 'sys/fs/cgroup/chat.slice/memory.max': String(512 * MIB) }
    expect(limit({ ...files, ...slice })).to.equal(512 * MIB)
    expect(limit({ ...files, ...slice, [`${own}/memory.high`]: String(256 * MIB) })).to.equal(256 * MIB)
    expect(limit(files)).to.equal(Infinity)
  })

  it('is that of a unit with a colon in its name', () => {
    const unit = 'app.slice/dbus-:1.2-gateway.service'
    const files = { 'proc/self/cgroup': `0::/${unit}/own` }
    expect(limit({ ...files, [`sys/fs/cgroup/${unit}/memory.max`]: String(512 * MIB) })).to.equal(512 * MIB)
  })

  it('is that of the container, which has the root of what it sees', () => {
    const files = { 'proc/self/cgroup': '0::/', 'sys/fs/cgroup/memory.max': String(512 * MIB) }
    expect(limit(files)).to.equal(512 * MIB)
    expect(limit({ ...files, 'proc/self/cgroup': '0::/../elsewhere' })).to.equal(512 * MIB)
  })

  it('is what the first version says of all above', () => {
    const cgroup = '5:cpu,cpuacct:/docker/1\n4:memory:/docker/1\n0::/'
    const files = { 'proc/self/cgroup': cgroup, 'sys/fs/cgroup/unified/memory.max': '1' }
    const stat = (bytes: string | number) => `cache 0\nhierarchical_memory_limit ${bytes}\ntotal_rss 5`
    expect(limit({ ...files, 'sys/fs/cgroup/memory/docker/1/memory.stat': stat(512 * MIB) })).to.equal(
      512 * MIB,
    )
    expect(limit({ ...files, 'sys/fs/cgroup/memory/memory.stat': stat(512 * MIB) })).to.equal(512 * MIB)
    expect(limit({ ...files, 'sys/fs/cgroup/memory/memory.stat': stat(UNLIMITED) })).to.equal(
      Number(UNLIMITED),
    )
  })

  it('is not limited where nothing tells', () => {
    expect(limit({})).to.equal(Infinity)
  })
})
