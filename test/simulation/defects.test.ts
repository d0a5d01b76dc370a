import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { DEFECTS } from './defects/defects.ts'
import { patched } from './defects/patched.ts'
import { foundIn, runAll } from './defects/runs.ts'
import { SCENARIOS } from './defects/scenarios.ts'
import { rowOf } from './defects/table.ts'

/** At the same time. */
const PROCESSES = 2
/** Defects that drawn plans show too; the others need a plan that was written for them. */
const LEAST_DRAWN = 32
const README = new URL('../../../test/simulation/defects/README.md', import.meta.url)

describe('planted defects', function () {
  this.timeout(3_600_000)

  it('have names of their own', () => {
    expect(new Set(DEFECTS.map(({ name }) => name))).to.have.lengthOf(DEFECTS.length)
    expect(DEFECTS.filter(({ seeds }) => seeds !== undefined).length).to.be.at.least(LEAST_DRAWN)
  })

  it('stand in the table', () => {
    const lines = readFileSync(fileURLToPath(README), 'utf8').split('\n')
    const rows = lines.filter((line) => line.startsWith('|')).slice(2)
    const cells = rows.map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    expect(cells).to.deep.equal(DEFECTS.map(rowOf))
  })

  it('are in the code as it is now', async () => {
    const tried = await Promise.allSettled(DEFECTS.map(patched))
    const reasons = tried.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []))
    expect(reasons).to.deep.equal([])
  })

  it('are found by the simulation, and alone explain what is found', async () => {
    const scenarios = Object.entries(SCENARIOS)
    const reports = await runAll(
      [
        ...scenarios.map(([, plan]) => ({ plans: [plan] })),
        ...DEFECTS.map((defect) => ({ defect, plans: [SCENARIOS[defect.shownBy]] })),
      ],
      { processes: PROCESSES },
    )
    const broken = scenarios.map(([name], i) => [name, reports[i]?.[0]?.violations.slice(0, 5)])
    expect(broken).to.deep.equal(scenarios.map(([name]) => [name, []]))
    const missed = DEFECTS.flatMap((defect, i) => {
      const [report] = reports[scenarios.length + i] ?? []
      if (report !== undefined && foundIn(defect, report)) return []
      const others = [...new Set(report?.violations.map(({ rule }) => rule))]
      return [`${defect.name}: none of ${defect.rules.join(', ')}; found: ${others.join(', ') || 'nothing'}`]
    })
    expect(missed).to.deep.equal([])
  })
})
