import { mkdirSync, writeFileSync } from 'node:fs'
import { inWorker } from './pool.ts'
import type { Report } from './worker.ts'

/** Plans that were shrunk are written to this folder. */
const FOLDER = 'simulation-failures'
const SHRINK_MS = 120_000
/** What follows the first is often its consequence. */
const SHOWN = 5

/** Says in a few lines what came of a run. */
export function inWords({ plan, violations }: Report): string {
  const sum = violations.length === 0 ? 'all promises kept' : `${violations.length} violations`
  const shown = violations
    .slice(0, SHOWN)
    .map(({ rule, atMs, what }) => `  ${rule} at ${atMs.toFixed(1)} ms: ${what}`)
  return [`seed ${plan.seed}: ${sum}`, ...shown].join('\n')
}

/** Looks for a shorter plan that violates the same rule, writes it to a file, and says in a few lines what came of it. */
export async function shrinkToFile({ plan, violations }: Report): Promise<string> {
  const rule = violations[0]?.rule
  if (rule === undefined) throw new Error('nothing was violated')
  let text = ''
  await inWorker({ kind: 'shrink', plan, rule, untilMs: Date.now() + SHRINK_MS }, (report) => {
    mkdirSync(FOLDER, { recursive: true })
    const file = `${FOLDER}/seed-${plan.seed}.json`
    writeFileSync(file, `${JSON.stringify(report.plan, undefined, 2)}\n`)
    text = `shrunk to ${report.plan.steps.length} steps: npm run simulate -- --plan ${file}\n${inWords(report)}`
  })
  return text
}
