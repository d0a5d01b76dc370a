import { expect } from 'chai'
import { problemsOf } from './fault.ts'
import type { FaultResult } from './fault.ts'
import { FAULTS } from './faults.ts'

/** Only a failing fault takes this long; the others take a few seconds. */
const FAULT_TIMEOUT_MS = 240_000
/** This many run at a time: most of the time, they wait. */
const LANES = 2

describe('chaos', function () {
  this.timeout(FAULT_TIMEOUT_MS)
  const faults = Object.values(FAULTS)
  const runs = new Map<number, Promise<PromiseSettledResult<FaultResult>>>()
  /** Starts a fault, unless it has started already. Never rejects. */
  const run = async (index: number): Promise<PromiseSettledResult<FaultResult> | undefined> => {
    const fault = faults[index]
    if (fault === undefined) return undefined
    const running = runs.get(index) ?? Promise.allSettled([fault.run('short')]).then(([outcome]) => outcome)
    runs.set(index, running)
    return running
  }
  // What was started early is not needed if only some tests are run.
  after(() => Promise.all(runs.values()))

  for (const [index, fault] of faults.entries()) {
    it(fault.rule, async () => {
      const [outcome] = [run(index), ...Array.from({ length: LANES - 1 }, (_, i) => run(index + 1 + i))]
      const settled = await outcome
      if (settled?.status !== 'fulfilled') throw settled?.reason
      const result = settled.value
      expect(problemsOf(result, fault), JSON.stringify(result)).to.deep.equal([])
      expect(result.acknowledged, 'recalls acknowledged').to.be.above(0)
      // At least the final recalls, which are sent after the fault.
      expect(result.delivered, 'recalls delivered').to.be.above(0)
    })
  }
})
