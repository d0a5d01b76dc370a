import { expect } from 'chai'
import { createBatcher } from '../../server/realtime/rooms/batcher.ts'
import { createManualClock } from '../support/manual-clock.ts'

describe('batcher', () => {
  const open = ({ maxWindowMs = 100, writeMs = 0, pace = 1 } = {}) => {
    const clock = createManualClock()
    const frames: number[][] = []
    const batcher = createBatcher({ maxWindowMs, pace: () => pace, clock }, (notices) => {
      clock.block(writeMs)
      frames.push(notices.map(({ offset }) => offset))
    })
    /** Pushes the notices in one turn, and lets it end. */
    const push = async (...offsets: number[]) => {
      for (const offset of offsets)
        batcher.push({ offset, group: 'g', messages: [{ seq: offset }], recalledAtMs: 0, receivedAtMs: 0 })
      await Promise.resolve()
    }
    return { clock, frames, batcher, push }
  }

  it('sends the first notices of a quiet room in the turn in which they come, as one frame', async () => {
    const { frames, push, clock } = open()
    await push(1, 2)
    expect(frames).to.deep.equal([[1, 2]])
    expect(clock.pending()).to.equal(0)
  })

  it('sends the notices that follow within the window as one frame at its end, in order', async () => {
    const { frames, push, clock } = open()
    await push(1)
    await push(2)
    await push(3)
    clock.advance(24)
    expect(frames).to.deep.equal([[1]])
    clock.advance(1)
    expect(frames).to.deep.equal([[1], [2, 3]])
  })

  it('opens a new window with each frame, and is quiet again after an empty one', async () => {
    const { frames, push, clock } = open()
    await push(1)
    await push(2)
    clock.advance(25)
    await push(3)
    expect(frames).to.deep.equal([[1], [2]])
    clock.advance(25)
    expect(frames).to.deep.equal([[1], [2], [3]])
    clock.advance(25)
    await push(4)
    expect(frames.at(-1)).to.deep.equal([4])
  })

  it('waits for nobody while the process has time to spare, however long a frame takes to write', async () => {
    const { frames, push, clock } = open({ writeMs: 60, pace: 0 })
    for (const offset of [1, 2, 3]) await push(offset)
    expect(frames).to.deep.equal([[1], [2], [3]])
    expect(clock.pending()).to.equal(0)
  })

  it('waits for longer the longer a frame takes to write and the busier the process is, up to a limit', async () => {
    for (const [writeMs, pace, windowMs] of [
      [2, 1, 25],
      [10, 1, 70],
      [10, 0.5, 35],
      [20, 0.8, 80],
      [60, 1, 100],
    ] as const) {
      const { frames, push, clock } = open({ writeMs, pace })
      await push(1)
      await push(2)
      clock.advance(windowMs - 1)
      expect(frames).to.deep.equal([[1]])
      clock.advance(1)
      expect(frames).to.deep.equal([[1], [2]])
    }
  })

  it('sends what came while a frame was written as soon as it is written', async () => {
    const frames: number[] = []
    let finish = (): void => undefined
    const written = new Promise<void>((resolve) => (finish = resolve))
    const batcher = createBatcher({ maxWindowMs: 100, pace: () => 0 }, (notices) => {
      frames.push(notices.length)
      return frames.length === 1 ? written : undefined
    })
    for (let offset = 1; offset <= 4; offset++) {
      batcher.push({ offset, group: 'g', messages: [{ seq: offset }], recalledAtMs: 0, receivedAtMs: 0 })
      await Promise.resolve()
    }
    expect(frames).to.deep.equal([1])
    finish()
    await new Promise(setImmediate)
    expect(frames).to.deep.equal([1, 3])
  })

  it('sends a full frame without waiting', async () => {
    const { frames, push } = open()
    await push(1)
    await push(...Array.from({ length: 1_000 }, (_, i) => i + 2))
    expect(frames.map(({ length }) => length)).to.deep.equal([1, 1_000])
  })

  it('sends each notice immediately without a window', () => {
    const { frames, push, clock } = open({ maxWindowMs: 0 })
    void push(1, 2)
    expect(frames).to.deep.equal([[1], [2]])
    expect(clock.pending()).to.equal(0)
  })

  it('sends the current batch when flushed, and nothing once closed', async () => {
    const { frames, push, batcher, clock } = open()
    await push(1)
    await push(2)
    batcher.flush()
    expect(frames).to.deep.equal([[1], [2]])
    await push(3)
    batcher.close()
    await push(4)
    clock.advance(100)
    expect(frames).to.deep.equal([[1], [2]])
    expect(clock.pending()).to.equal(0)
  })
})
