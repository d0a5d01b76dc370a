import { expect } from 'chai'
import { createPace } from '../../server/lib/pacing.ts'

/** As for notices. */
const HALF_LOAD = { relaxed: 0.45, strained: 0.6 }

/** An event loop that works as much as the test says. */
function setUp() {
  let [nowMs, totalBusyMs] = [1_000, 0]
  const pace = createPace(HALF_LOAD, { now: () => nowMs, busyMs: () => totalBusyMs })
  return {
    pace,
    jump: (ms: number) => (nowMs += ms),
    /** Lets so many ms pass, of which the loop works this share, and returns the pace at each 20th of them. */
    pass(ms: number, utilization: number): number[] {
      return Array.from({ length: ms / 20 }, () => {
        nowMs += 20
        totalBusyMs += 20 * utilization
        return pace()
      })
    },
  }
}

/**
 * Writes frames of rooms as a batcher does, for 20 s. Returns how late notices were, and how busy the loop was, in the last 10.
 */
function simulate({ writesMs, everyMs, otherLoad = 0 }: Load): {
  readonly waitMs: number[]
  readonly busy: number
} {
  let [nowMs, busyMs, busyBeforeMs] = [0, 0, 0]
  const pace = createPace(HALF_LOAD, { now: () => nowMs, busyMs: () => busyMs })
  const waitMs: number[] = []
  const rooms = writesMs.map((writeMs) => ({ writeMs, waiting: [] as number[], sentAtMs: -Infinity }))
  let workMs = 0
  for (; nowMs < 20_000; nowMs++) {
    if (nowMs === 10_000) busyBeforeMs = busyMs
    for (const room of rooms) if (nowMs % everyMs === 0) room.waiting.push(nowMs)
    workMs += otherLoad
    if (workMs < 1) {
      const due = rooms.filter(({ waiting }) => waiting.length > 0)
      const next = due.find(
        ({ writeMs, sentAtMs }) => nowMs >= sentAtMs + pace() * Math.min(100, 7 * writeMs),
      )
      if (next !== undefined) {
        workMs += next.writeMs
        next.sentAtMs = nowMs + next.writeMs
        if (nowMs >= 10_000) waitMs.push(...next.waiting.map((atMs) => nowMs - atMs))
        next.waiting = []
      }
    }
    if (workMs >= 1) {
      workMs--
      busyMs++
    }
  }
  return { waitMs, busy: (busyMs - busyBeforeMs) / 10_000 }
}

interface Load {
  /** How long a frame of each room takes to write. */
  readonly writesMs: readonly number[]
  readonly everyMs: number
  /** The share of the loop that other work takes. */
  readonly otherLoad?: number
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

describe('pace', () => {
  it('is 0 while the event loop has time to spare, and 1 once it has none', () => {
    const { pass, pace } = setUp()
    expect(pace()).to.equal(0)
    expect(Math.max(...pass(10_000, 0.44))).to.equal(0)
    expect(pass(10_000, 0.95).at(-1)).to.equal(1)
    expect(pass(10_000, 0.1).at(-1)).to.equal(0)
  })

  it('follows a step of the load within a second, without a leap', () => {
    const { pass } = setUp()
    const paces = pass(1_000, 0.9)
    expect(paces[0]).to.equal(0)
    expect(paces.at(-1)).to.equal(1)
    const steps = paces.map((value, i) => value - (paces[i - 1] ?? 0))
    expect(Math.min(...steps)).to.be.at.least(0)
    expect(Math.max(...steps)).to.be.below(0.3)
  })

  it('follows a loop without any pause within a tenth of a second, and not for a single long call', () => {
    const { pass, pace } = setUp()
    expect(pass(20, 1)).to.deep.equal([0])
    expect(pass(80, 1).at(-1)).to.equal(1)
    expect(Math.max(...pass(500, 0).slice(10))).to.equal(0)
    expect(pace()).to.equal(0)
  })

  it('rises with a ramp of the load, evenly', () => {
    const { pass } = setUp()
    const paces = Array.from({ length: 100 }, (_, i) => pass(200, i / 100).at(-1) ?? 0)
    expect(paces.slice(0, 45)).to.deep.equal(Array(45).fill(0))
    expect(paces).to.deep.equal(paces.toSorted((a, b) => a - b))
    expect(paces.at(-1)).to.equal(1)
  })

  it('is 0 after a long pause, whatever the load was before', () => {
    const { pass, pace, jump } = setUp()
    pass(5_000, 1)
    jump(10_000)
    expect(pace()).to.equal(0)
  })

  it('does not mind a clock that goes back or leaps, or a loop that claims more than the time that has passed', () => {
    const { pass, pace, jump } = setUp()
    pass(5_000, 1)
    jump(-3_000)
    expect(pace()).to.equal(1)
    expect(pass(400, 0).at(-1)).to.be.below(1)
    expect(pass(10_000, 50).at(-1)).to.equal(1)
    jump(1e12)
    expect(pace()).to.equal(0)
    expect(pass(10_000, -1).at(-1)).to.equal(0)
  })

  it('lets a room that takes a fifth of the loop wait for nobody', () => {
    const { waitMs, busy } = simulate({ writesMs: [20], everyMs: 100 })
    expect(Math.max(...waitMs)).to.equal(0)
    expect(busy).to.be.closeTo(0.2, 0.01)
  })

  it('keeps a room that would take all of the loop to about half of it, evenly', () => {
    const { waitMs, busy } = simulate({ writesMs: [20], everyMs: 7 })
    expect(busy).to.be.within(0.45, 0.6)
    expect(median(waitMs)).to.be.below(25)
    expect(Math.max(...waitMs)).to.be.below(70)
  })

  it('leaves others what they need', () => {
    const { waitMs, busy } = simulate({ writesMs: [20], everyMs: 5, otherLoad: 0.5 })
    expect(busy).to.be.below(0.8)
    expect(Math.max(...waitMs)).to.be.below(200)
  })

  it('shares the loop between two large rooms', () => {
    const { waitMs, busy } = simulate({ writesMs: [20, 20], everyMs: 20 })
    expect(busy).to.be.within(0.5, 0.7)
    expect(Math.max(...waitMs)).to.be.below(120)
  })
})
