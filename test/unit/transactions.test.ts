import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect } from 'chai'
import { createTransactions } from '../../server/broker/embedded/transactions.ts'
import type { RootDatabase } from '../../server/lib/data-dir.ts'
import { createManualClock } from '../support/manual-clock.ts'

/** As lmdb does: when its first pages could not be written, a transaction that it gets never ends, and neither does closing it. */
function scriptedLmdb() {
  const state = { fails: false, isLost: false, given: 0, begun: 0, isClosed: false }
  const root = {
    async transaction<T>(work: () => T): Promise<T> {
      state.given++
      if (state.isLost) return await new Promise<T>(() => undefined)
      state.begun++
      const result = work()
      await new Promise((done) => setImmediate(done))
      state.given--
      if (!state.fails) return result
      state.isLost = true
      throw new Error('EIO')
    },
    async close() {
      if (state.given > 0) await new Promise(() => undefined)
      state.isClosed = true
    },
  }
  const isUsable = (): boolean => !state.isLost
  return { state, transactions: createTransactions({ root: root as unknown as RootDatabase, isUsable }) }
}

describe('transactions of the embedded store', () => {
  it('end, and the store can be closed, when lmdb cannot be used any more', async () => {
    const { state, transactions } = scriptedLmdb()
    const outcome = (n: number) => transactions.run(() => n).catch(String)
    expect(await outcome(1)).to.equal(1)
    state.fails = true
    const [first, second] = [outcome(2), outcome(3)]
    // Asked for while the failing one is being flushed.
    const third = new Promise((done) => setImmediate(() => done(outcome(4))))
    expect(await Promise.all([first, second])).to.deep.equal(['Error: EIO', 'Error: EIO'])
    for (const later of [await third, await outcome(5)])
      expect(later).to.equal('Error: lmdb cannot be used until it is opened again')
    await transactions.close()
    expect(state.isClosed).to.equal(true)
  })

  it('of one turn share a flush; an error of one is its own', async () => {
    const { state, transactions } = scriptedLmdb()
    const order: number[] = []
    const run = (n: number) =>
      transactions
        .run(() => {
          order.push(n)
          if (n === 2) throw new Error('its own')
          return n
        })
        .catch(String)
    expect(await Promise.all([1, 2, 3].map(run))).to.deep.equal([1, 'Error: its own', 3])
    expect(order).to.deep.equal([1, 2, 3])
    expect(state.begun).to.equal(1)
  })

  it('are refused at once when too many wait for lmdb, which hangs; those that wait are carried out, some at a time', async () => {
    let resume = (): void => undefined
    const hanging = new Promise<void>((resolve) => (resume = resolve))
    let [largest, done] = [0, 0]
    const root = {
      async transaction<T>(work: () => T): Promise<T> {
        await hanging
        const before = done
        const result = work()
        largest = Math.max(largest, done - before)
        return result
      },
      close: async () => undefined,
    }
    const transactions = createTransactions({
      root: root as unknown as RootDatabase,
      isUsable: () => true,
    })
    const refused: unknown[] = []
    const running = Array.from({ length: 20_000 }, () =>
      transactions.run(() => done++).catch((error: unknown) => refused.push(error)),
    )
    await Promise.resolve()
    expect(refused).to.not.be.empty
    for (const error of refused) expect(error).to.have.property('code', 'BROKER_UNAVAILABLE')
    resume()
    await Promise.all(running)
    expect(done + refused.length).to.equal(20_000)
    expect(done).to.be.at.least(10_000)
    expect(largest).to.be.at.most(1_000)
  })

  it('that wait are finished before the store is closed', async () => {
    const { state, transactions } = scriptedLmdb()
    const first = transactions.run(() => 1)
    await transactions.close()
    expect(await first).to.equal(1)
    expect(state.isClosed).to.equal(true)
  })

  describe('batched', () => {
    /** Holds each transaction until it is released. */
    function heldLmdb() {
      const clock = createManualClock()
      const sizes: number[] = []
      let release = (): void => undefined
      const root = {
        async transaction<T>(work: () => T[]): Promise<T[]> {
          const results = work()
          sizes.push(results.length)
          await new Promise<void>((resolve) => (release = resolve))
          return results
        },
      }
      const transactions = createTransactions({
        root: root as unknown as RootDatabase,
        isUsable: () => true,
        clock,
      })
      const ask = (count: number): Promise<unknown> =>
        Promise.all(Array.from({ length: count }, () => transactions.run(() => undefined)))
      return { clock, sizes, ask, release: () => release() }
    }

    it('wait for those whom the one before has answered, who ask again together', async () => {
      const { clock, sizes, ask, release } = heldLmdb()
      const first = ask(31)
      await nextTurn()
      const late = ask(1)
      clock.block(2)
      release()
      await first
      await nextTurn()
      expect(sizes).to.deep.equal([31])
      const again = ask(31)
      await nextTurn()
      expect(sizes).to.deep.equal([31, 32])
      expect(clock.pending()).to.equal(0)
      release()
      await Promise.all([late, again])
    })

    it('wait no longer than the one before took, and 5 ms at most', async () => {
      for (const [tookMs, waitMs] of [
        [2, 2],
        [60, 5],
      ] as const) {
        const { clock, sizes, ask, release } = heldLmdb()
        const first = ask(31)
        await nextTurn()
        clock.block(tookMs)
        release()
        await first
        void ask(1)
        await nextTurn()
        clock.advance(waitMs - 1)
        await nextTurn()
        expect(sizes, `after ${tookMs} ms`).to.deep.equal([31])
        clock.advance(1)
        await nextTurn()
        expect(sizes, `after ${tookMs} ms`).to.deep.equal([31, 1])
      }
    })

    it('wait for nobody after a small one', async () => {
      const { clock, sizes, ask, release } = heldLmdb()
      const first = ask(3)
      await nextTurn()
      clock.block(2)
      release()
      await first
      void ask(1)
      await nextTurn()
      expect(sizes).to.deep.equal([3, 1])
    })
  })

  it('tell when what they wrote is not there any more: after a failure, and when lmdb begins anew', async () => {
    let [rolledBack, fails] = [0, false]
    const root = {
      async transaction<T>(work: () => T): Promise<T> {
        work()
        if (fails) throw new Error('ENOSPC')
        return work()
      },
    }
    const transactions = createTransactions({
      root: root as unknown as RootDatabase,
      isUsable: () => true,
      onRolledBack: () => rolledBack++,
    })
    expect(await transactions.run(() => 1)).to.equal(1)
    expect(rolledBack).to.equal(1)
    fails = true
    expect(await transactions.run(() => 1).catch(String)).to.equal('Error: ENOSPC')
    expect(rolledBack).to.equal(2)
  })
})
