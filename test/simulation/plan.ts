import type { Room } from '../../shared/room.ts'
import { ACTIVE_MS, MORE_MS, nightOdds, SETUPS } from './draw/density.ts'
import { withNight } from './draw/nights.ts'
import { drawRecalls } from './draw/recalls.ts'
import { drawDismissals, drawFaults, drawOrders, drawRights, drawUserSteps } from './draw/steps.ts'
import { drawUser } from './draw/users.ts'
import type { Plan, Shape } from './spec.ts'
import { Random } from './world/random.ts'

export type * from './spec.ts'

/** In the runs with many of them. */
const MANY_ROOMS = 25

/** Draws a run. `faults`: the names to choose from. Each part has chance of its own, so that a change to one leaves the others. */
export function drawPlan(seed: number, faults: readonly string[]): Plan {
  const random = new Random(seed)
  const activeMs = random.pick(ACTIVE_MS) + random.below(MORE_MS)
  const setup = {
    ...random.pick(SETUPS),
    historySize: random.pick([5, 20, 1_000]),
    latencyMs: random.pick([0.3, 2, 20]),
  }
  const more: Room[] = random.chance(0.04)
    ? Array.from({ length: MANY_ROOMS }, (_, i) => ({ group: `more-${i + 1}` }))
    : []
  const groups = ['g1', 'g2', ...more.flatMap(({ group }) => group ?? [])]
  const count = 1 + random.below(3)
  const ofUsers = random.fork()
  const users = Array.from({ length: count }, (_, i) => drawUser(ofUsers, i, i === 0 ? more : []))
  const ofUserSteps = random.fork()
  const steps = [
    ...drawRecalls(random.fork(), groups, activeMs),
    ...users.flatMap((_, user) => drawUserSteps(ofUserSteps, user, activeMs)),
    ...drawRights(random.fork(), users, activeMs),
    ...drawOrders(random.fork(), users, activeMs),
    ...drawDismissals(random.fork(), groups, activeMs),
    ...drawFaults(random.fork(), faults, activeMs),
  ]
  const ofNight = random.fork()
  const shape: Shape = { ...setup, hasEvidenceKey: random.fork().chance(0.5) }
  const day: Plan = { seed, shape, users, steps: steps.sort((a, b) => a.atMs - b.atMs), activeMs }
  return withNight(ofNight, day, nightOdds(shape), faults)
}
