import { parseArgs } from 'node:util'
import type { Defect } from './defect.ts'
import { DEFECTS } from './defects.ts'
import { foundIn, runAll } from './runs.ts'
import type { TrialReport } from './worker.ts'

const HELP = `Searches drawn plans for one that shows each defect. A defect that is not found is a hole in the simulation.
  node dist/test/simulation/defects/main.js [--only PART-OF-NAME] [--first SEED] [--count SEEDS]
    --count  plans for each defect; by default as many as it says, or 300`

/** For a defect that no search has found yet. */
const LONG_SEARCH = 300
/** A process reports on so many plans at most. */
const SEEDS_PER_PROCESS = 25

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    first: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    count: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

interface Search {
  /** The first plan with a violation that the defect alone explains. */
  readonly report?: TrialReport
  readonly tried: number
}

async function search(defect: Defect, count: number): Promise<Search> {
  const first = Number(values.first)
  for (let tried = 0; tried < count;) {
    const length = Math.min(SEEDS_PER_PROCESS, count - tried)
    const seeds = Array.from({ length }, (_, i) => ({ seed: first + tried + i }))
    const [reports = []] = await runAll([{ defect, plans: seeds }], { processes: 1 })
    tried += reports.length
    const report = reports.at(-1)
    if (report === undefined || foundIn(defect, report) === undefined) continue
    const [[without] = []] = await runAll([{ plans: [report.plan] }], { processes: 1 })
    if (without && foundIn(defect, without) === undefined) return { report, tried }
  }
  return { tried: count }
}

async function show(defect: Defect): Promise<void> {
  const { report, tried } = await search(defect, Number(values.count ?? defect.seeds ?? LONG_SEARCH))
  const violation = report && foundIn(defect, report)
  if (report !== undefined && violation !== undefined) {
    const { rule, what } = violation
    return console.log(`${defect.name}: ${rule}, after ${tried} plans (seed ${report.plan.seed}): ${what}`)
  }
  process.exitCode = 1
  console.log(`${defect.name}: NOT FOUND in ${tried} plans`)
}

if (values.help) console.log(HELP)
else {
  console.log(`from seed ${values.first}`)
  for (const defect of DEFECTS.filter(({ name }) => name.includes(values.only))) await show(defect)
}
