import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import type { Plan } from './plan.ts'
import { inWorker, runSeeds } from './pool.ts'
import type { Report } from './worker.ts'

const HELP = `Searches the orders of events under which a promise breaks.
  npm run simulate -- [--minutes 10] [--first SEED]   fresh seeds, for so long
  npm run simulate -- --seed SEED                     one seed, with its history
  npm run simulate -- --plan FILE                     a plan that was written to a file
  npm run simulate -- --seed SEED --shrink            the shortest plan that still fails, to a file`

const FOLDER = 'simulation-failures'
const SHRINK_MS = 120_000

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    first: { type: 'string' },
    seed: { type: 'string' },
    plan: { type: 'string' },
    shrink: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

async function one(plan: Plan | { readonly seed: number }): Promise<void> {
  const report = await reportOn(plan, true)
  for (const entry of report.history ?? []) console.log(JSON.stringify(entry))
  for (const line of report.log ?? []) console.log(line)
  describe(report)
  const [first] = report.violations
  if (first === undefined) return
  process.exitCode = 1
  if (values.shrink) await shrinkToFile(report.plan, first.rule)
}

async function many(minutes: number, first: number): Promise<void> {
  const startMs = performance.now()
  const failed: Report[] = []
  let [runs, virtualMs] = [0, 0]
  console.log(`from seed ${first}, for ${minutes} min`)
  await runSeeds({
    first,
    ms: minutes * 60_000,
    workers: availableParallelism(),
    onReport(report) {
      runs++
      virtualMs += report.virtualMs
      if (report.violations.length === 0) return
      failed.push(report)
      describe(report)
    },
  })
  const realMs = performance.now() - startMs
  const rate = Math.round(virtualMs / realMs)
  console.log(
    `${runs} runs, ${Math.round(virtualMs / 60_000)} virtual minutes, ${rate} a real minute: ${failed.length} failed`,
  )
  const [one] = failed
  if (one === undefined) return
  process.exitCode = 1
  await shrinkToFile(one.plan, one.violations[0]?.rule ?? '')
}

const reportOn = async (plan: Plan | { readonly seed: number }, isWhole: boolean): Promise<Report> => {
  let report: Report | undefined
  await inWorker({ kind: 'plan', plan, isWhole }, (one) => (report = one))
  if (report === undefined) throw new Error('the worker said nothing')
  return report
}

async function shrinkToFile(plan: Plan, rule: string): Promise<void> {
  await inWorker({ kind: 'shrink', plan, rule, untilMs: Date.now() + SHRINK_MS }, (report) => {
    mkdirSync(FOLDER, { recursive: true })
    const file = `${FOLDER}/seed-${plan.seed}.json`
    writeFileSync(file, `${JSON.stringify(report.plan, undefined, 2)}\n`)
    console.log(`shrunk to ${report.plan.steps.length} steps: ${file}`)
    describe(report)
  })
}

function describe({ plan, violations }: Report): void {
  console.log(
    `seed ${plan.seed}: ${violations.length === 0 ? 'all promises kept' : `${violations.length} violations`}`,
  )
  for (const { rule, atMs, what } of violations.slice(0, 5)) console.log(`  ${rule} at ${atMs} ms: ${what}`)
}

if (values.help) console.log(HELP)
else if (values.seed !== undefined) await one({ seed: Number(values.seed) })
else if (values.plan !== undefined) await one(JSON.parse(readFileSync(values.plan, 'utf8')) as Plan)
else await many(Number(values.minutes), Number(values.first ?? Math.floor(Math.random() * 1e9)))
