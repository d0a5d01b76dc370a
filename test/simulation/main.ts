import { FAULTS } from './faults/faults.ts'
import { drawPlan } from './plan.ts'
import { run } from './run.ts'
import { real } from './world/real.ts'

const [from = 1, until = from] = process.argv.slice(2).map(Number)
const without = process.env['WITHOUT']?.split(',') ?? []
const names = FAULTS.map(({ name }) => name).filter((name) => !without.some((part) => name.includes(part)))
let virtualMs = 0
const startMs = real.now()
for (let seed = from; seed <= until; seed++) {
  const outcome = await run(drawPlan(seed, names))
  virtualMs += outcome.virtualMs
  if (outcome.violations.length === 0) continue
  console.log(`seed ${seed}: ${outcome.violations.length} violations`)
  for (const { rule, atMs, what } of outcome.violations.slice(0, 4))
    console.log(`  ${rule} @${atMs}: ${what.slice(0, 400)}`)
  if (from === until) {
    console.log(JSON.stringify(outcome.plan.shape), JSON.stringify(outcome.plan.users))
    for (const entry of outcome.history.entries) console.log(JSON.stringify(entry))
    console.log(outcome.log.join('\n'))
  }
}
const realMs = real.now() - startMs
console.log(
  `${until - from + 1} seeds, ${(virtualMs / 60_000).toFixed(0)} virtual minutes in ${(realMs / 1_000).toFixed(1)} s: ` +
    `${(virtualMs / realMs).toFixed(0)} a minute`,
)
process.exit(0)
