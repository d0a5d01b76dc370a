import { expect } from 'chai'
import { createBatchLoader } from '../../server/lib/flow-control.ts'

describe('questions that are gathered', () => {
  it('in one turn are asked in one call, and each gets its own answer', async () => {
    const calls: (readonly number[])[] = []
    const ask = createBatchLoader(10, async (questions: readonly number[]) => {
      calls.push(questions)
      return questions.map((question) => question * 2)
    })
    expect(await Promise.all([1, 2, 3].map(ask))).to.deep.equal([2, 4, 6])
    expect(await ask(4)).to.equal(8)
    expect(calls).to.deep.equal([[1, 2, 3], [4]])
  })

  it('are at most so many in a call', async () => {
    const calls: (readonly number[])[] = []
    const ask = createBatchLoader(2, async (questions: readonly number[]) => {
      calls.push(questions)
      return questions
    })
    expect(await Promise.all([1, 2, 3, 4, 5].map(ask))).to.deep.equal([1, 2, 3, 4, 5])
    expect(calls).to.deep.equal([[1, 2], [3, 4], [5]])
  })

  it('fail together, and the next ones are asked anew', async () => {
    let fails = true
    const ask = createBatchLoader(10, async (questions: readonly number[]) => {
      if (fails) throw new Error('away')
      return questions
    })
    const outcomes = await Promise.allSettled([ask(1), ask(2)])
    expect(outcomes.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected'])
    fails = false
    expect(await ask(3)).to.equal(3)
  })
})
