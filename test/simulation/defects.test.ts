import { expect } from 'chai'
import type { Defect } from './defects/defect.ts'
import { DEFECTS } from './defects/defects.ts'
import { foundIn, runAll } from './defects/runs.ts'
import { SCENARIOS } from './defects/scenarios.ts'
import type { ScenarioName } from './defects/scenarios.ts'

/** At the same time. */
const PROCESSES = 2

type Shown = Defect & { readonly shownBy: ScenarioName }

const shown = DEFECTS.filter((defect): defect is Shown => defect.shownBy !== undefined)

describe('planted defects', function () {
  this.timeout(600_000)

  it('have names of their own', () => {
    expect(new Set(DEFECTS.map(({ name }) => name))).to.have.lengthOf(DEFECTS.length)
    expect(shown.length).to.be.at.least(24)
  })

  it('are found by the simulation, and alone explain what is found', async () => {
    const scenarios = Object.entries(SCENARIOS)
    const reports = await runAll(
      [
        ...scenarios.map(([, plan]) => ({ plans: [plan] })),
        ...shown.map((defect) => ({ defect, plans: [SCENARIOS[defect.shownBy]] })),
      ],
      { processes: PROCESSES },
    )
    const broken = scenarios.map(([name], i) => [name, reports[i]?.[0]?.violations.slice(0, 5)])
    expect(broken).to.deep.equal(scenarios.map(([name]) => [name, []]))
    const missed = shown.flatMap((defect, i) => {
      const [report] = reports[scenarios.length + i] ?? []
      if (report !== undefined && foundIn(defect, report)) return []
      const others = [...new Set(report?.violations.map(({ rule }) => rule))]
      return [`${defect.name}: none of ${defect.rules.join(', ')}; found: ${others.join(', ') || 'nothing'}`]
    })
    expect(missed).to.deep.equal([])
  })
})
