import { expect } from 'chai'
import { problemsOf } from './fault.ts'
import { FAULTS } from './faults.ts'

/** Only a failing fault takes this long; the others take a few seconds. */
const FAULT_TIMEOUT_MS = 90_000

describe('chaos', function () {
  this.timeout(FAULT_TIMEOUT_MS)

  for (const fault of Object.values(FAULTS)) {
    it(fault.rule, async () => {
      const result = await fault.run('short')
      expect(problemsOf(result, fault), JSON.stringify(result)).to.deep.equal([])
      expect(result.acknowledged, 'recalls acknowledged').to.be.above(0)
      // At least the final recalls, which are sent after the fault.
      expect(result.delivered, 'recalls delivered').to.be.above(0)
    })
  }
})
