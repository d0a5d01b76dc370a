import { at, fault, G1, habit, person, plan, recalls } from '../defects/scenarios/writing.ts'
import type { Regression } from '../regressions.ts'

/** With this choice, Redis forgets two writes. */
const LOSES_TWO = 7

export const regression: Regression = {
  title: 'Redis forgets less than what followed the latest marker, and connections stay',
  plan: plan(
    32,
    {},
    [person('user-1', [habit(G1)])],
    [
      at(0, 'open', 0),
      ...recalls({ fromMs: 500, untilMs: 4_000, everyMs: 170 }),
      fault('redis rolled back while connections stay', 4_010, 0, LOSES_TWO),
    ],
  ),
}
