import { at, fault, G1, habit, person, plan, recalls } from '../defects/scenarios/writing.ts'
import type { Regression } from '../regressions.ts'

/** With this choice, Redis stores markers, and no recalls. */
const DENIES_XADD = 8

export const regression: Regression = {
  title: 'a loss is found while the disk is full, and the power goes before all is published again',
  plan: plan(
    33,
    {},
    [person('user-1', [habit(G1)])],
    [
      at(0, 'open', 0),
      ...recalls({ fromMs: 500, untilMs: 4_000, everyMs: 100 }),
      fault('redis emptied', 5_500),
      fault('disk full', 5_000, 3_000),
      fault('redis denies a command', 5_400, 3_000, DENIES_XADD),
      fault('gateway without power', 7_500, 2_000),
    ],
  ),
}
