import { readFileSync } from 'node:fs'
import { FAULTS } from './faults/faults.ts'
import { drawPlan } from './plan.ts'
import type { Plan } from './plan.ts'
import { run } from './run.ts'
import type { Outcome } from './run.ts'
import { shrink } from './shrink.ts'
import { real } from './world/real.ts'

// A process of its own, because here time, chance, network and disk are not those of the machine. Reads one request from
// standard input and writes one line of JSON for each run to standard output.

/** What a worker is asked for. */
export type Request =
  | {
      readonly kind: 'seeds'
      readonly first: number
      readonly step: number
      readonly count: number
      readonly untilMs: number
    }
  | { readonly kind: 'plan'; readonly plan: Plan | { readonly seed: number }; readonly isWhole: boolean }
  /** One after the other, up to the first that violates one of the rules. */
  | {
      readonly kind: 'plans'
      readonly plans: readonly (Plan | { readonly seed: number })[]
      readonly untilRules: readonly string[]
    }
  | { readonly kind: 'shrink'; readonly plan: Plan; readonly rule: string; readonly untilMs: number }

/** What a worker says of a run. */
export interface Report extends Pick<Outcome, 'violations' | 'virtualMs' | 'events' | 'fingerprint'> {
  readonly plan: Plan
  /** Since the report before, or since the process was started. */
  readonly cpuMs: number
  /** Of a run that was asked for as a whole. */
  readonly history?: Outcome['history']['entries']
  readonly log?: readonly string[]
}

const say = (report: Report): void => void process.stdout.write(`${JSON.stringify(report)}\n`)

let reportedCpuMs = 0

function reportOf({ plan, violations, virtualMs, events, fingerprint }: Outcome): Report {
  const beforeMs = reportedCpuMs
  reportedCpuMs = real.cpuMs()
  return { plan, violations, virtualMs, events, fingerprint, cpuMs: reportedCpuMs - beforeMs }
}

const planOf = (seed: number): Plan =>
  drawPlan(
    seed,
    FAULTS.map(({ name }) => name),
  )

/** One without Redis, and one with it. */
const WARM_UP_SEEDS = [6, 2]

const runOne = (plan: Plan | { readonly seed: number }): Promise<Outcome> =>
  run('steps' in plan ? plan : planOf(plan.seed))

const request = JSON.parse(readFileSync(0, 'utf8')) as Request
// What is loaded or cached by the first runs would make them differ from later ones with the same seed.
if (request.kind !== 'plans') for (const seed of WARM_UP_SEEDS) await run(planOf(seed))
if (request.kind === 'seeds') {
  const { first, step, count, untilMs } = request
  for (let i = 0; i < count && real.wallMs() < untilMs; i++)
    say(reportOf(await run(planOf(first + i * step))))
} else if (request.kind === 'plan') {
  const outcome = await runOne(request.plan)
  const { history, log } = outcome
  say({ ...reportOf(outcome), ...(request.isWhole && { history: history.entries, log }) })
} else if (request.kind === 'plans') {
  for (const plan of request.plans) {
    const outcome = await runOne(plan)
    say(reportOf(outcome))
    if (outcome.violations.some(({ rule }) => request.untilRules.includes(rule))) break
  }
} else say(reportOf(await shrink(request.plan, request.rule, request.untilMs)))
// Not before everything has been written.
process.stdout.write('', () => process.exit(0))
