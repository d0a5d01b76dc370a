import { expect } from 'chai'
import { COMMIT_SEED } from '../support/commit-seed.ts'
import { inWords, shrinkToFile } from './failures.ts'
import { inWorker, runSeeds } from './pool.ts'
import { loadRegressions } from './regressions.ts'
import type { Report, Request } from './worker.ts'

/** Always run: 1 to so many. */
const FIXED = Number(process.env['FIXED_SEEDS'] ?? 24)
/** For so long, others are run, in ms. */
const FRESH_MS = Number(process.env['FRESH_MS'] ?? 60_000)
const WORKERS = 2

async function reportsOf(request: Request): Promise<Report[]> {
  const reports: Report[] = []
  await inWorker(request, (report) => reports.push(report))
  return reports
}

/** Fails with the first that broke a promise, shrunk. */
async function expectKept(reports: readonly Report[]): Promise<void> {
  const broken = reports.filter(({ violations }) => violations.length > 0)
  const [first] = broken
  if (first === undefined) return
  throw new Error([...broken.map(inWords), await shrinkToFile(first)].join('\n'))
}

const regressions = await loadRegressions()

describe('the whole system, simulated', function () {
  // Other tests come first.
  this.timeout(FRESH_MS + 900_000)

  describe('keeps its promises where they were broken once', () => {
    const reports: Report[] = []
    before(async () => {
      const plans = regressions.map(({ plan }) => plan)
      reports.push(...(await reportsOf({ kind: 'plans', plans, untilRules: [] })))
    })

    for (const [i, { title }] of regressions.entries())
      it(`not any more: ${title}`, () => {
        const report = reports[i]
        expect(report?.violations).to.deep.equal([])
      })
  })

  it('repeats runs exactly, and keeps its promises in them', async () => {
    const fixed = { kind: 'seeds', count: FIXED, untilMs: Number.MAX_SAFE_INTEGER } as const
    // The other way round: nothing of a run is left in the process for the next.
    const [there, back] = await Promise.all([
      reportsOf({ ...fixed, first: 1, step: 1 }),
      reportsOf({ ...fixed, first: FIXED, step: -1 }),
    ])
    const told = ({ plan, fingerprint, events }: Report): string => `${plan.seed} ${fingerprint} ${events}`
    expect(back.toReversed().map(told)).to.deep.equal(there.map(told))
    await expectKept(there)
  })

  it(`keeps its promises in fresh runs (from seed ${COMMIT_SEED})`, async () => {
    const reports: Report[] = []
    await runSeeds({
      first: COMMIT_SEED,
      ms: FRESH_MS,
      workers: WORKERS,
      onReport: (report) => reports.push(report),
    })
    expect(reports.length).to.be.greaterThan(0)
    await expectKept(reports)
  })
})
