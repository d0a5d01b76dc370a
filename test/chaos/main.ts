import { mochaGlobalSetup } from '../support/programs.ts'
import { problemsOf } from './fault.ts'
import type { Fault, FaultResult } from './fault.ts'
import { FAULTS } from './faults.ts'

const COLUMNS = [
  'fault',
  'sent',
  'acknowledged',
  'delivered',
  'lost',
  'duplicated',
  'outOfOrder',
  'gaps',
  'gapReasons',
  'redelivered',
  'missed',
  'repeated',
  'longestUntrueMs',
  'healed',
  'longestSilenceMs',
  'slowestResponseMs',
] as const satisfies readonly (keyof FaultResult)[]

/** Runs every fault, or the named ones, at full length and prints the figures. Exits with 1 if a rule was broken. */
async function main(names: readonly string[]): Promise<void> {
  mochaGlobalSetup()
  const results: FaultResult[] = []
  for (const [name, fault] of select(names)) {
    process.stdout.write(`${name}: `)
    const startedAtMs = performance.now()
    const { result, problems } = await runLong(fault)
    const tookS = Math.round((performance.now() - startedAtMs) / 1_000)
    process.stdout.write(
      `${problems.length > 0 ? `FAILED: ${problems.join('; ')}` : 'passed'} (${tookS} s)\n`,
    )
    if (result !== undefined) results.push(result)
    if (problems.length > 0) process.exitCode = 1
  }
  process.stdout.write(`\n${toTable(results)}\n`)
}

function select(names: readonly string[]): [string, Fault][] {
  if (names.length === 0) return Object.entries(FAULTS)
  return names.map((name) => {
    const fault = FAULTS[name]
    if (fault === undefined)
      throw new Error(`unknown fault ${name}; known: ${Object.keys(FAULTS).join(', ')}`)
    return [name, fault]
  })
}

/** Never rejects: a fault that cannot be run to the end must not prevent the others. */
async function runLong(fault: Fault): Promise<{ result?: FaultResult; problems: string[] }> {
  try {
    const result = await fault.run('long')
    return { result, problems: problemsOf(result, fault) }
  } catch (error) {
    return { problems: [String(error)] }
  }
}

/** Returns a Markdown table with one row per fault. */
function toTable(results: readonly FaultResult[]): string {
  const cells = [
    COLUMNS,
    COLUMNS.map(() => '---'),
    ...results.map((result) => COLUMNS.map((column) => result[column])),
  ]
  return cells.map((row) => `| ${row.join(' | ')} |`).join('\n')
}

await main(process.argv.slice(2))
