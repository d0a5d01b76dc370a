import fs from 'node:fs'
import { register, syncBuiltinESMExports } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Plan } from '../plan.ts'
import { drawPlan } from '../plan.ts'
import type { Violation } from '../judge/violation.ts'
import type { Patched } from './patched.ts'

// A process of its own, for the same reasons as ../worker.ts. It loads the project anew for each trial, with the defect in
// it, but packages once: to load those takes longer than most runs. Reads the trials from standard input, and writes one line
// of JSON for each run to standard output.

export type PlanOrSeed = Plan | { readonly seed: number }

/** Plans that are run with a defect, one after the other, up to the first that violates one of the rules. */
export interface Trial {
  readonly patched: readonly Patched[]
  readonly plans: readonly PlanOrSeed[]
  readonly untilRules: readonly string[]
}

export interface TrialReport {
  /** Which of the trials. */
  readonly trial: number
  readonly plan: Plan
  readonly violations: readonly Violation[]
}

const { readFileSync } = fs
const trials = JSON.parse(readFileSync(0, 'utf8')) as readonly Trial[]

/** The part of an address that tells the versions of a module apart. */
const VERSION = '?trial='
/** What is loaded anew: all that depends on the modules of the project. */
const ROOTS = ['../../../server/', '../../../shared/', '../run.js', '../system/', '../faults/']
const hooks = `
  const roots = ${JSON.stringify(ROOTS.map((path) => new URL(path, import.meta.url).href))}
  const texts = new Map(${JSON.stringify(
    trials.flatMap(({ patched }, i) => patched.map(({ url, text }) => [`${url}${VERSION}${i}`, text])),
  )})
  export async function resolve(specifier, context, next) {
    const resolved = await next(specifier, context)
    const version = /[?]trial=.*$/.exec(context.parentURL ?? '')?.[0]
    if (version === undefined || !roots.some((root) => resolved.url.startsWith(root))) return resolved
    return { ...resolved, url: resolved.url + version }
  }
  export async function load(url, context, next) {
    const source = texts.get(url)
    return source === undefined ? next(url, context) : { format: 'module', source, shortCircuit: true }
  }`
register(`data:text/javascript,${encodeURIComponent(hooks)}`)

/** Files other than modules, as they are in this trial. */
let files: ReadonlyMap<string, string> = new Map()
Object.assign(fs, {
  readFileSync(file: fs.PathOrFileDescriptor, ...options: []) {
    const path = file instanceof URL ? fileURLToPath(file) : file
    const text = typeof path === 'string' ? files.get(path) : undefined
    return text ?? readFileSync(file, ...options)
  },
})
syncBuiltinESMExports()

for (const [trial, { patched, plans, untilRules }] of trials.entries()) {
  files = new Map(patched.map(({ url, text }) => [fileURLToPath(url), text]))
  const load = async (name: string): Promise<unknown> =>
    import(new URL(`${name}${VERSION}${trial}`, import.meta.url).href)
  const { run } = (await load('../run.js')) as typeof import('../run.ts')
  const { FAULTS } = (await load('../faults/faults.js')) as typeof import('../faults/faults.ts')
  const faults = FAULTS.map(({ name }) => name)
  for (const plan of plans) {
    const { violations, ...outcome } = await run('steps' in plan ? plan : drawPlan(plan.seed, faults))
    const report: TrialReport = { trial, plan: outcome.plan, violations }
    process.stdout.write(`${JSON.stringify(report)}\n`)
    if (violations.some(({ rule }) => untilRules.includes(rule))) break
  }
}
// Not before everything has been written.
process.stdout.write('', () => process.exit(0))
