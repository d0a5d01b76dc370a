import { inProcess } from '../pool.ts'
import type { Violation } from '../judge/violation.ts'
import type { Defect } from './defect.ts'
import { patched } from './patched.ts'
import type { PlanOrSeed, Trial, TrialReport } from './worker.ts'

/** What is run with a defect, or with none. */
export interface Experiment {
  readonly defect?: Defect
  readonly plans: readonly PlanOrSeed[]
}

/**
 * Runs the plans of each experiment, up to the first in which a rule of its defect is violated, in so many processes at the same
 * time. Resolves to the reports of each, in order.
 */
export async function runAll(
  experiments: readonly Experiment[],
  { processes }: { readonly processes: number },
): Promise<TrialReport[][]> {
  const reports: TrialReport[][] = experiments.map(() => [])
  const trials = await Promise.all(experiments.map(trialOf))
  await Promise.all(
    Array.from({ length: processes }, async (_, lane) => {
      const own = [...trials.keys()].filter((i) => i % processes === lane)
      await inProcess<TrialReport>(
        './defects/worker.js',
        own.map((i) => trials[i]),
        (report) => reports[own[report.trial] as number]?.push(report),
      )
    }),
  )
  return reports
}

const trialOf = async ({ defect, plans }: Experiment): Promise<Trial> => ({
  patched: defect ? await patched(defect) : [],
  plans,
  untilRules: defect?.rules ?? [],
})

/** The violation that shows the defect. */
export const foundIn = ({ rules }: Defect, { violations }: TrialReport): Violation | undefined =>
  violations.find(({ rule }) => rules.includes(rule))
