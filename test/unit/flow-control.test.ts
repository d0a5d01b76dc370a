import { expect } from 'chai'
import { createBatchLoader, createLimiter, TokenBucket } from '../../server/lib/flow-control.ts'
import { waitUntil } from '../support/wait.ts'

describe('limiter', () => {
  it('runs at most `max` tasks concurrently, and the rest in order', async () => {
    const limit = createLimiter(2)
    const started: number[] = []
    const finish: (() => void)[] = []
    const tasks = [0, 1, 2, 3].map((i) =>
      limit(async () => {
        started.push(i)
        await new Promise<void>((resolve) => finish.push(resolve))
        return i
      }),
    )
    expect(started).to.deep.equal([0, 1])
    finish[1]?.()
    expect(await tasks[1]).to.equal(1)
    expect(started).to.deep.equal([0, 1, 2])
    for (const i of [0, 2, 3]) {
      finish[i]?.()
      expect(await tasks[i]).to.equal(i)
    }
  })

  it('runs the next task after one that failed', async () => {
    const limit = createLimiter(1)
    const failing = limit(() => Promise.reject(new Error('failed')))
    const next = limit(async () => 'done')
    expect(await failing.catch((error: unknown) => error)).to.be.instanceOf(Error)
    expect(await next).to.equal('done')
  })
})

describe('batch loader', () => {
  it('loads the keys of one turn together, up to a limit, and caches nothing', async () => {
    const calls: (readonly number[])[] = []
    const load = createBatchLoader(2, async (keys: readonly number[]) => {
      calls.push(keys)
      return keys.map((key) => key * 2)
    })
    expect(await Promise.all([1, 2, 3].map(load))).to.deep.equal([2, 4, 6])
    expect(await load(3)).to.equal(6)
    expect(calls).to.deep.equal([[1, 2], [3], [3]])
  })

  it('rejects all keys of a failed call, and not the next ones', async () => {
    let fails = true
    const load = createBatchLoader(10, async (keys: readonly number[]) => {
      if (fails) throw new Error('unavailable')
      return keys
    })
    const outcomes = await Promise.allSettled([load(1), load(2)])
    expect(outcomes.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected'])
    fails = false
    expect(await load(1)).to.equal(1)
  })
})

describe('token bucket', () => {
  it('allows a burst of 1,000, then refuses until it refills', async () => {
    const bucket = new TokenBucket()
    expect(Array.from({ length: 1_000 }, () => bucket.tryTake())).to.not.include(false)
    // Some tokens were refilled meanwhile.
    let extra = 0
    while (bucket.tryTake()) extra++
    expect(extra).to.be.below(1_000)
    await waitUntil('a token is refilled', () => bucket.tryTake())
  })
})
