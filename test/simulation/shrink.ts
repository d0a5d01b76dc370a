import { withoutNight } from './draw/nights.ts'
import type { Plan, Step } from './plan.ts'
import { run } from './run.ts'
import type { Outcome } from './run.ts'
import { real } from './world/real.ts'

/**
 * Leaves out what a violation of this rule does not need: steps, then users and their listeners, as long as there is time. The
 * result is as good as the plan: it violates the rule. Throws if the plan does not.
 */
export async function shrink(plan: Plan, rule: string, untilMs: number): Promise<Outcome> {
  let best = await run(plan)
  const isViolated = ({ violations }: Outcome): boolean => violations.some((one) => one.rule === rule)
  if (!isViolated(best)) throw new Error(`the plan does not violate the rule: ${rule}`)
  const tryPlan = async (shorter: Plan): Promise<boolean> => {
    if (real.wallMs() >= untilMs) return false
    const outcome = await run(shorter)
    if (!isViolated(outcome)) return false
    best = outcome
    return true
  }
  if (plan.night) await tryPlan(withoutNight(plan))
  // Halves first, then smaller and smaller parts.
  for (
    let size = Math.ceil(best.plan.steps.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let from = 0; from < best.plan.steps.length;) {
      const steps: Step[] = best.plan.steps.toSpliced(from, size)
      if (!(await tryPlan({ ...best.plan, steps }))) from += size
    }
  }
  for (let i = best.plan.users.length - 1; i >= 0; i--) {
    const users = best.plan.users.map((user, j) => (j === i ? { ...user, listeners: [] } : user))
    await tryPlan({
      ...best.plan,
      users,
      steps: best.plan.steps.filter((step) => step.kind !== 'user' || step.user !== i),
    })
  }
  const lastMs = Math.max(0, ...best.plan.steps.map(({ atMs }) => atMs))
  await tryPlan({ ...best.plan, activeMs: lastMs + 100 })
  return best
}
