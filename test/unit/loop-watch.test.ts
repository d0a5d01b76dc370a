import { expect } from 'chai'
import { LoopWatch } from '../../server/lib/loop-watch.ts'
import { cleanUpAfterEach } from '../support/clean-up.ts'
import { waitUntil } from '../support/wait.ts'

/** Blocks the event loop. */
const block = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

describe('the watch on the event loop', () => {
  const onCleanUp = cleanUpAfterEach()

  function start(): LoopWatch {
    const loop = new LoopWatch()
    onCleanUp(async () => loop.stop())
    return loop
  }

  it('says that nothing waited while the loop is in time', () => {
    const startedMs = performance.now()
    const loop = start()
    expect(loop.waitedForMs(startedMs + 200)).to.equal(0)
    expect(loop.stalledForMs(startedMs + 900)).to.equal(0)
  })

  it('knows of a short stall without having been asked, until the loop is in time', async () => {
    const startedMs = performance.now()
    const loop = start()
    block(400)
    // The machine may be busy: no longer than it took.
    expect(loop.waitedForMs(), 'in the first callback').to.be.within(399, performance.now() - startedMs)
    expect(loop.waitedForMs(), 'in the same turn').to.be.within(399, performance.now() - startedMs)
    await waitUntil('it is forgotten', () => loop.waitedForMs() === 0)
  })

  it('knows of a long stall without having been asked, until the loop has been in time for two seconds', async () => {
    const startedMs = performance.now()
    const loop = start()
    block(1_600)
    const endedMs = performance.now()
    expect(loop.stalledForMs(), 'in the first callback').to.be.within(1_599, performance.now() - startedMs)
    expect(loop.waitedForMs()).to.be.within(1_599, performance.now() - startedMs)
    await waitUntil('it has caught up with what was read', () => loop.waitedForMs() === 0)
    expect(loop.stalledForMs()).to.be.greaterThan(1_600)
    await waitUntil('the stall is over', () => loop.stalledForMs() === 0)
    expect(performance.now() - endedMs).to.be.at.least(2_000)
  })
})
