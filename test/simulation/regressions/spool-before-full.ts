import { at, fault, G1, habit, person, plan, recall } from '../defects/scenarios/writing.ts'
import type { Regression } from '../regressions.ts'

export const regression: Regression = {
  title: 'what an earlier process has spooled is published together, and Redis is full',
  plan: plan(
    50,
    {},
    [person('user-1', [habit(G1)])],
    [
      at(0, 'open', 0),
      recall(500, 'g1', 1),
      fault('redis away', 1_000, 1_500),
      recall(1_200, 'g1', 2),
      recall(1_300, 'more-1', 3),
      recall(1_320, 'more-2', 4),
      recall(1_400, 'g1', 5),
      recall(1_500, 'g1', 6),
      fault('gateway killed', 1_600, 1_200),
      fault('redis is full', 2_000, 2_500),
    ],
  ),
}
