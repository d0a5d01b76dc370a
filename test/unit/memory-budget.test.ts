import { join } from 'node:path'
import { expect } from 'chai'
import { MemoryBudget } from '../../server/lib/memory-budget.ts'
import { openStore } from '../../server/lib/data-dir.ts'
import {
  defaultBudgetMb,
  isNearMemoryLimit,
  maxBudgetMb,
  memoryInUse,
  MIN_BUDGET_MB,
} from '../../server/lib/memory-limit.ts'
import { shareOf, WaitingCount } from '../../server/lib/shared-bytes.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { notRun } from '../support/not-run.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitUntil } from '../support/wait.ts'

const MIB = 2 ** 20

describe('memory budget', () => {
  const onCleanUp = cleanUpAfterEach()

  /** A budget of 1,000 bytes, and peers for which this much waits. */
  function open(waiting: Record<string, number>, isNearLimit = () => false) {
    const failures: unknown[] = []
    const shed: string[] = []
    const told: string[] = []
    const budget = new MemoryBudget(
      { bytes: 1_000, isNearLimit },
      {
        onPressure: () => told.push('pressure'),
        onRelief: () => told.push('relief'),
        onFailure: (error) => failures.push(error),
      },
    )
    onCleanUp(() => budget.stop())
    const leave = (name: string): void => {
      if (name === 'broken') throw new Error('cannot be sent away')
      shed.push(name)
      delete waiting[name]
    }
    budget.add({
      measure: () => ({
        bytes: Object.values(waiting).reduce((sum, bytes) => sum + bytes, 0),
        leavingBytes: 0,
      }),
      waiters: () => Object.entries(waiting).map(([name, bytes]) => ({ bytes, shed: () => leave(name) })),
    })
    return { budget, shed, told, waiting, failures }
  }

  it('sends the fattest away first, no more than it must', async () => {
    const { budget, shed } = open({ a: 100, b: 300, c: 200, d: 280 })
    await budget.check()
    expect(shed).to.deep.equal(['b'])
  })

  it('lets everybody stay below the high-water mark', async () => {
    const { budget, shed } = open({ a: 400, b: 470 })
    await budget.check()
    expect(shed).to.deep.equal([])
    expect(budget.isPressed()).to.equal(false)
  })

  it('is pressed until the low-water mark is reached', async () => {
    const { budget, told, waiting } = open({ a: 900 })
    await budget.check()
    expect(budget.isPressed()).to.equal(true)
    expect(told).to.deep.equal(['pressure'])
    waiting['b'] = 600
    await budget.check()
    expect(budget.isPressed()).to.equal(false)
    expect(told).to.deep.equal(['pressure', 'relief'])
  })

  it('gives up half of what waits when the process is near a limit, whatever the account says', async () => {
    const { budget, shed } = open({ a: 30, b: 20, c: 10 }, () => true)
    await budget.check()
    await budget.check()
    expect(shed).to.deep.equal(['a'])
    expect(budget.isPressed()).to.equal(true)
  })

  it('is looked at as soon as much has been added', async () => {
    const { budget, shed } = open({ a: 900 })
    budget.grew(63)
    budget.grew(1)
    await waitUntil('it is noticed before a second has passed', () => shed.length > 0, 500)
  })

  it('goes on when one of them cannot be sent away, or nothing can be measured', async () => {
    const { budget, shed, failures, waiting } = open({ broken: 500, a: 300, b: 200 })
    await budget.check()
    expect(shed).to.deep.equal(['a', 'b'])
    waiting['a'] = 900
    await budget.check()
    expect(shed).to.deep.equal(['a', 'b', 'a'])
    expect(failures.map(String)).to.deep.equal(['Error: cannot be sent away'])
    budget.add({
      measure() {
        throw new Error('cannot be measured')
      },
      waiters: () => [],
    })
    await budget.check()
    expect(String(failures.at(-1))).to.equal('Error: cannot be measured')
  })

  it('counts what is shared once, and a share of it for each', () => {
    const shared = { bytes: 90, count: 0, holders: 0 }
    const notice = {}
    const count = new WaitingCount()
    for (let i = 0; i < 3; i++) {
      count.add(shared)
      count.addOnce(notice, 5)
    }
    expect(count.sharedBytes).to.equal(95)
    expect(shareOf(shared)).to.equal(30)
    new WaitingCount().add(shared)
    expect(shareOf(shared)).to.equal(90)
  })

  it('is by default a quarter of the container, half of the heap, or the least that works', () => {
    expect(defaultBudgetMb({ totalBytes: 512 * MIB, heapBytes: 4_096 * MIB })).to.equal(128)
    expect(defaultBudgetMb({ totalBytes: 8_192 * MIB, heapBytes: 1_024 * MIB })).to.equal(512)
    expect(defaultBudgetMb({ totalBytes: 32 * MIB, heapBytes: 32 * MIB })).to.equal(MIN_BUDGET_MB)
    expect(maxBudgetMb({ totalBytes: 512 * MIB, heapBytes: 4_096 * MIB })).to.equal(256)
  })

  it('is near a limit by what the system cannot take back: pages of the store are not in use', async function () {
    if (process.platform !== 'linux') return notRun(this, 'only Linux tells')
    const folder = temporaryFolder()
    onCleanUp(folder.remove)
    const store = openStore(join(folder.path, 'broker'))
    onCleanUp(() => store.close())
    const db = store.openDB<Buffer, number>('entries', { encoding: 'binary' })
    await store.transaction(() => {
      for (let i = 0; i < 2_000; i++) db.putSync(i, Buffer.alloc(20_000, 1))
    })
    const rssBefore = process.memoryUsage.rss()
    const before = memoryInUse()
    let bytes = 0
    for (let i = 0; i < 2_000; i++) bytes += db.getBinaryFast(i)?.length ?? 0
    expect(bytes).to.equal(40_000_000)
    expect(process.memoryUsage.rss() - rssBefore, 'the pages are in memory').to.be.above(20_000_000)
    expect(memoryInUse() - before).to.be.below(10_000_000)
    const heapBytes = Infinity
    expect(isNearMemoryLimit({ totalBytes: 1.2 * memoryInUse(), heapBytes })).to.equal(false)
    expect(isNearMemoryLimit({ totalBytes: memoryInUse(), heapBytes })).to.equal(true)
    expect(isNearMemoryLimit({ totalBytes: Infinity, heapBytes: 2 ** 20 })).to.equal(true)
  })
})
