import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { inWords, shrinkToFile } from './failures.ts'
import type { Plan } from './plan.ts'
import { inWorker, runSeeds } from './pool.ts'
import type { Report } from './worker.ts'

const HELP = `Searches the orders of events under which a promise breaks.
  npm run simulate -- [--minutes 10] [--first SEED]   fresh seeds, for so long
  npm run simulate -- --seed SEED                     one seed, with its history
  npm run simulate -- --plan FILE                     a plan that was written to a file
  npm run simulate -- --seed SEED --shrink            the shortest plan that still fails, to a file`

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

async function runOne(plan: Plan | { readonly seed: number }): Promise<void> {
  const report = await reportOn(plan, true)
  for (const entry of report.history ?? []) console.log(JSON.stringify(entry))
  for (const line of report.log ?? []) console.log(line)
  console.log(inWords(report))
  if (report.violations.length === 0) return
  process.exitCode = 1
  if (values.shrink) console.log(await shrinkToFile(report))
}

async function runMany(minutes: number, first: number): Promise<void> {
  const startMs = performance.now()
  const failed: Report[] = []
  let [runs, virtualMs, quietMs, steps] = [0, 0, 0, 0]
  console.log(`from seed ${first}, for ${minutes} min`)
  await runSeeds({
    first,
    ms: minutes * 60_000,
    workers: availableParallelism(),
    onReport(report) {
      runs++
      virtualMs += report.virtualMs
      quietMs += report.plan.night?.lastsMs ?? 0
      steps += report.plan.steps.length
      if (report.violations.length === 0) return
      failed.push(report)
      console.log(inWords(report))
    },
  })
  const realMinutes = (performance.now() - startMs) / 60_000
  const aMinute = (sum: number): string => `${Math.round(sum / realMinutes)} a real minute`
  const [minutesRun, quiet] = [virtualMs, quietMs].map((ms) => ms / 60_000) as [number, number]
  console.log(
    `${runs} runs, ${Math.round(minutesRun)} virtual minutes: ${aMinute(minutesRun)} (${aMinute(minutesRun - quiet)} without nights), ${steps} steps: ${aMinute(steps)}; ${failed.length} failed`,
  )
  const [example] = failed
  if (example === undefined) return
  process.exitCode = 1
  console.log(await shrinkToFile(example))
}

async function reportOn(plan: Plan | { readonly seed: number }, isWhole: boolean): Promise<Report> {
  let report: Report | undefined
  await inWorker({ kind: 'plan', plan, isWhole }, (said) => (report = said))
  if (report === undefined) throw new Error('the worker said nothing')
  return report
}

if (values.help) console.log(HELP)
else if (values.seed !== undefined) await runOne({ seed: Number(values.seed) })
else if (values.plan !== undefined) await runOne(JSON.parse(readFileSync(values.plan, 'utf8')) as Plan)
else await runMany(Number(values.minutes), Number(values.first ?? Math.floor(Math.random() * 1e9)))
