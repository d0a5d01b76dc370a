import { at, fault, G1, habit, person, plan, recalls } from '../defects/scenarios/writing.ts'
import type { Regression } from '../regressions.ts'

/** With this choice, Redis stores markers, and no recalls. */
const DENIES_XADD = 8
/** With this choice, Redis forgets two writes. */
const LOSES_TWO = 7

export const regression: Regression = {
  title: 'Redis loses recalls while it refuses to store any, and takes them half a minute later',
  plan: plan(
    34,
    {},
    [person('user-1', [habit(G1)])],
    [
      at(0, 'open', 0),
      ...recalls({ fromMs: 500, untilMs: 2_000, everyMs: 170 }),
      fault('redis denies a command', 2_005, 30_000, DENIES_XADD),
      fault('redis rolled back while connections stay', 2_010, 0, LOSES_TWO),
    ],
  ),
}
