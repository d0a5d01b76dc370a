import { mochaGlobalSetup } from '../support/programs.ts'
import { FAULTS } from './faults.ts'
import { problemsOf } from './fault.ts'
import type { Fault, Row } from './fault.ts'

const COLUMNS = [
  'fault',
  'sent',
  'kept',
  'delivered',
  'lost',
  'duplicated',
  'outOfOrder',
  'gaps',
  'gapReasons',
  'excused',
  'redelivered',
  'healed',
  'longestSilenceMs',
  'slowestAnswerMs',
] as const satisfies readonly (keyof Row)[]

/** The long form: plays every fault, or those named, prints what was measured, and fails when a rule was broken. */
async function main(names: readonly string[]): Promise<void> {
  mochaGlobalSetup()
  const rows: Row[] = []
  for (const [name, fault] of choose(names)) {
    process.stdout.write(`${name}: `)
    const startedAtMs = performance.now()
    const { row, problems } = await playLong(fault)
    const tookS = Math.round((performance.now() - startedAtMs) / 1_000)
    process.stdout.write(`${problems.length > 0 ? `BROKEN: ${problems.join('; ')}` : 'holds'} (${tookS} s)\n`)
    if (row !== undefined) rows.push(row)
    if (problems.length > 0) process.exitCode = 1
  }
  process.stdout.write(`\n${toTable(rows)}\n`)
}

function choose(names: readonly string[]): [string, Fault][] {
  if (names.length === 0) return Object.entries(FAULTS)
  return names.map((name) => {
    const fault = FAULTS[name]
    if (fault === undefined) throw new Error(`no fault ${name}; there are: ${Object.keys(FAULTS).join(', ')}`)
    return [name, fault]
  })
}

/** One that cannot be played to its end must not keep the others from it. */
async function playLong(fault: Fault): Promise<{ row?: Row; problems: string[] }> {
  try {
    const row = await fault.play('long')
    return { row, problems: problemsOf(row, fault) }
  } catch (error) {
    return { problems: [String(error)] }
  }
}

/** As Markdown. */
function toTable(rows: readonly Row[]): string {
  const cells = [
    COLUMNS,
    COLUMNS.map(() => '---'),
    ...rows.map((row) => COLUMNS.map((column) => row[column])),
  ]
  return cells.map((line) => `| ${line.join(' | ')} |`).join('\n')
}

await main(process.argv.slice(2))
