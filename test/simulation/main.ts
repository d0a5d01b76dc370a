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
  npm run simulate -- --seed SEED --shrink            the shortest plan that still fails, to a file
Some runs have a night: hours in which next to nothing happens. It makes most of the virtual time.`

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

/** What came of many runs. */
class Sum {
  readonly #startMs = performance.now()
  readonly failed: Report[] = []
  #runs = 0
  #steps = 0
  #minutes = 0
  #nightMinutes = 0
  #cpuMinutes = 0

  add(report: Report): void {
    const { plan, virtualMs, cpuMs, violations } = report
    this.#runs++
    this.#steps += plan.steps.length
    this.#minutes += virtualMs / 60_000
    this.#nightMinutes += (plan.night?.lastsMs ?? 0) / 60_000
    this.#cpuMinutes += cpuMs / 60_000
    if (violations.length > 0) this.failed.push(report)
  }

  toString(): string {
    const realMinutes = (performance.now() - this.#startMs) / 60_000
    const inMinute = (count: number): number => Math.round(count / realMinutes)
    return [
      `${this.#runs} runs, ${Math.round(this.#minutes)} virtual minutes: ${this.failed.length} failed`,
      `in a real minute: ${inMinute(this.#minutes)} virtual ones, ${inMinute(this.#minutes - this.#nightMinutes)} without nights, with ${inMinute(this.#steps)} steps`,
      `in a minute of one core, whatever else the machine does: ${Math.round(this.#minutes / this.#cpuMinutes)} virtual ones`,
    ].join('\n')
  }
}

async function runMany(minutes: number, first: number): Promise<void> {
  const sum = new Sum()
  console.log(`from seed ${first}, for ${minutes} min`)
  await runSeeds({
    first,
    ms: minutes * 60_000,
    workers: availableParallelism(),
    onReport(report) {
      sum.add(report)
      if (report.violations.length > 0) console.log(inWords(report))
    },
  })
  console.log(String(sum))
  const [example] = sum.failed
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
