import { expect } from 'chai'
import { FAULTS } from './faults.ts'
import { problemsOf } from './fault.ts'

/** For one that fails: a fault takes a few seconds. */
const WITHIN_MS = 90_000

describe('chaos', function () {
  this.timeout(WITHIN_MS)

  for (const fault of Object.values(FAULTS)) {
    it(fault.rule, async () => {
      const row = await fault.play('short')
      expect(problemsOf(row, fault), JSON.stringify(row)).to.deep.equal([])
      expect(row.kept, 'recalls kept').to.be.above(0)
      // At least the last recalls, which follow when all is over.
      expect(row.delivered, 'recalls delivered').to.be.above(0)
    })
  }
})
