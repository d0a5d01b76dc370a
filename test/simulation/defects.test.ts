import { expect } from 'chai'
import type { Defect } from './defects/defect.ts'
import { DEFECTS } from './defects/defects.ts'
import { patched } from './defects/patched.ts'
import { foundIn, runWith } from './defects/runs.ts'
import { SCENARIOS } from './defects/scenarios.ts'
import type { ScenarioName } from './defects/scenarios.ts'

/** Processes at the same time. */
const PROCESSES = 2

/** Runs the work for each of them, some at the same time. Rejects with the first error, once all have ended. */
async function forEach<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const waiting = [...items]
  const lane = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item)
  }
  const lanes = await Promise.allSettled(Array.from({ length: PROCESSES }, lane))
  for (const outcome of lanes) if (outcome.status === 'rejected') throw outcome.reason
}

type Shown = Defect & { readonly shownBy: ScenarioName }

const shown = DEFECTS.filter((defect): defect is Shown => defect.shownBy !== undefined)

describe('planted defects', function () {
  this.timeout(600_000)

  it('have names of their own', () => {
    expect(new Set(DEFECTS.map(({ name }) => name))).to.have.lengthOf(DEFECTS.length)
    expect(shown.length).to.be.at.least(24)
  })

  it('can be applied to the code as it is now', async () => {
    for (const defect of DEFECTS) await patched(defect)
  })

  it('are found by the simulation', async () => {
    const missed: string[] = []
    await forEach(shown, async (defect) => {
      const [report] = await runWith(defect, [SCENARIOS[defect.shownBy]])
      if (report !== undefined && foundIn(defect, report)) return
      const others = [...new Set(report?.violations.map(({ rule }) => rule))]
      missed.push(
        `${defect.name}: none of ${defect.rules.join(', ')}; found: ${others.join(', ') || 'nothing'}`,
      )
    })
    expect(missed).to.deep.equal([])
  })

  it('alone explain what is found: without them, every promise is kept', async () => {
    const scenarios = Object.entries(SCENARIOS)
    // In few processes, because each takes longer to start than to run a plan.
    const parts = Array.from({ length: PROCESSES }, (_, n) =>
      scenarios.filter((_one, i) => i % PROCESSES === n),
    )
    await forEach(parts, async (part) => {
      const reports = await runWith(
        undefined,
        part.map(([, plan]) => plan),
      )
      const broken = reports.map(({ violations }, i) => [part[i]?.[0], violations.slice(0, 5)])
      expect(broken).to.deep.equal(part.map(([name]) => [name, []]))
    })
  })
})
