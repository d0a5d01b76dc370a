import { expect } from 'chai'
import { LoopWatch } from '../../server/lib/loop-watch.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'

/** Blocks the event loop. */
const block = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

describe('the watch on the event loop', function () {
  this.timeout(10_000)
  const onCleanUp = cleanUpAfterEach()

  function start(): LoopWatch {
    const loop = new LoopWatch()
    onCleanUp(async () => loop.stop())
    return loop
  }

  it('says that nothing waited while the loop is in time', () => {
    const loop = start()
    block(150)
    expect(loop.waitedForMs()).to.equal(0)
    expect(loop.stalledForMs()).to.equal(0)
  })

  it('knows of a short stall without having been asked, until the loop is in time', async () => {
    const loop = start()
    block(400)
    expect(loop.waitedForMs(), 'in the first callback').to.be.within(399, 600)
    expect(loop.waitedForMs(), 'in the same turn').to.be.within(399, 600)
    expect(loop.stalledForMs()).to.equal(0)
    await waitUntil('it is forgotten', () => loop.waitedForMs() === 0)
  })

  it('knows of a long stall without having been asked, until the loop has been in time for two seconds', async () => {
    const loop = start()
    block(1_600)
    const endedMs = performance.now()
    expect(loop.stalledForMs(), 'in the first callback').to.be.within(1_599, 2_200)
    expect(loop.waitedForMs()).to.be.within(1_599, 2_200)
    await waitUntil('it has caught up with what was read', () => loop.waitedForMs() === 0)
    expect(loop.stalledForMs()).to.be.greaterThan(1_600)
    await waitUntil('the stall is over', () => loop.stalledForMs() === 0)
    expect(performance.now() - endedMs).to.be.within(2_000, 4_000)
  })
})
