import { inWorker } from '../pool.ts'
import type { Plan } from '../plan.ts'
import type { Report } from '../worker.ts'
import type { Defect } from './defect.ts'
import { patched } from './patched.ts'

export type PlanOrSeed = Plan | { readonly seed: number }

/** Runs the plans in a process of its own with the defect in it, up to the first in which one of its rules is violated. */
export async function runWith(defect: Defect | undefined, plans: readonly PlanOrSeed[]): Promise<Report[]> {
  const reports: Report[] = []
  const untilRules = defect?.rules ?? []
  const options = defect && {
    imports: ['./defects/install.js'],
    env: { DEFECT: JSON.stringify(await patched(defect)) },
  }
  await inWorker({ kind: 'plans', plans, untilRules }, (report) => reports.push(report), options)
  return reports
}

/** The violation that shows the defect. */
export const foundIn = ({ rules }: Defect, { violations }: Report) =>
  violations.find(({ rule }) => rules.includes(rule))
