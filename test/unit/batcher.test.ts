import { expect } from 'chai'
import { createBatcher } from '../../server/realtime/rooms/batcher.ts'
import { createManualClock } from '../support/manual-clock.ts'

describe('batcher', () => {
  const open = (windowMs = 25, writeMs = 0) => {
    const clock = createManualClock()
    const frames: number[][] = []
    const batcher = createBatcher(
      { windowMs },
      (notices) => {
        clock.block(writeMs)
        frames.push(notices.map(({ offset }) => offset))
      },
      clock,
    )
    const push = (...offsets: number[]) => {
      for (const offset of offsets)
        batcher.push({ offset, group: 'g', messages: [{ seq: offset }], recalledAtMs: 0, receivedAtMs: 0 })
    }
    return { clock, frames, batcher, push }
  }

  it('sends the first notice of a quiet room immediately', () => {
    const { frames, push } = open()
    push(1)
    expect(frames).to.deep.equal([[1]])
  })

  it('sends the notices that follow within the window as one frame at its end, in order', () => {
    const { frames, push, clock } = open()
    push(1, 2, 3)
    clock.advance(24)
    expect(frames).to.deep.equal([[1]])
    clock.advance(1)
    expect(frames).to.deep.equal([[1], [2, 3]])
  })

  it('opens a new window with each frame, and is quiet again after an empty one', () => {
    const { frames, push, clock } = open()
    push(1, 2)
    clock.advance(25)
    push(3)
    expect(frames).to.deep.equal([[1], [2]])
    clock.advance(25)
    expect(frames).to.deep.equal([[1], [2], [3]])
    clock.advance(25)
    push(4)
    expect(frames.at(-1)).to.deep.equal([4])
  })

  it('batches for longer when a frame takes long to write, up to a limit', () => {
    for (const [writeMs, windowMs] of [
      [5, 25],
      [20, 80],
      [60, 100],
    ] as const) {
      const { frames, push, clock } = open(25, writeMs)
      push(1, 2)
      clock.advance(windowMs - 1)
      expect(frames).to.deep.equal([[1]])
      clock.advance(1)
      expect(frames).to.deep.equal([[1], [2]])
    }
  })

  it('sends a full frame without waiting', () => {
    const { frames, push } = open()
    push(...Array.from({ length: 1_001 }, (_, i) => i + 1))
    expect(frames.map(({ length }) => length)).to.deep.equal([1, 1_000])
  })

  it('sends each notice immediately without a window', () => {
    const { frames, push, clock } = open(0)
    push(1, 2)
    expect(frames).to.deep.equal([[1], [2]])
    expect(clock.pending()).to.equal(0)
  })

  it('sends the current batch when flushed, and nothing once closed', () => {
    const { frames, push, batcher, clock } = open()
    push(1, 2)
    batcher.flush()
    expect(frames).to.deep.equal([[1], [2]])
    push(3)
    batcher.close()
    clock.advance(100)
    expect(frames).to.deep.equal([[1], [2]])
    expect(clock.pending()).to.equal(0)
  })
})
