import type { Room } from '../../shared/room.ts'
import { drawRecalls } from './draw/recalls.ts'
import { drawDismissals, drawFaults, drawOrders, drawRights, drawUserSteps } from './draw/steps.ts'
import { drawUser } from './draw/users.ts'
import type { Plan, Shape } from './spec.ts'
import { Random } from './world/random.ts'

export type * from './spec.ts'

/** Small ones are quick, and most faults need no more; so they are drawn more often. */
const SETUPS = [
  ...Array.from({ length: 6 }, () => ({ broker: 'embedded', alls: 1, receivers: 0, nodes: 0 }) as const),
  ...Array.from({ length: 7 }, () => ({ broker: 'redis', alls: 1, receivers: 0, nodes: 0 }) as const),
  ...Array.from({ length: 3 }, () => ({ broker: 'redis', alls: 2, receivers: 0, nodes: 0 }) as const),
  { broker: 'redis', alls: 0, receivers: 1, nodes: 1 },
  { broker: 'redis', alls: 0, receivers: 1, nodes: 2 },
  { broker: 'redis', alls: 0, receivers: 2, nodes: 2 },
] as const

/** In the runs with many of them. */
const MANY_ROOMS = 25

/** Draws a run. `faults`: the names to choose from. Each part has chance of its own, so that a change to one leaves the others. */
export function drawPlan(seed: number, faults: readonly string[]): Plan {
  const random = new Random(seed)
  const activeMs = random.pick([6_000, 12_000, 12_000, 25_000, 40_000]) + random.below(6_000)
  const shape: Shape = {
    ...random.pick(SETUPS),
    historySize: random.pick([5, 20, 1_000]),
    latencyMs: random.pick([0.3, 2, 20]),
  }
  const more: Room[] = random.chance(0.04)
    ? Array.from({ length: MANY_ROOMS }, (_, i) => ({ group: `more-${i + 1}` }))
    : []
  const groups = ['g1', 'g2', ...more.flatMap((room) => ('group' in room ? [room.group] : []))]
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
  return { seed, shape, users, steps: steps.sort((a, b) => a.atMs - b.atMs), activeMs }
}
