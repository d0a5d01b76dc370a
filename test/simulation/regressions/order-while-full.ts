import { at, fault, G1, habit, person, plan, recall } from '../defects/scenarios/writing.ts'
import type { Regression } from '../regressions.ts'

export const regression: Regression = {
  title: 'a full Redis stores only what begins a log, and refuses two conversations',
  plan: plan(
    38,
    {},
    [person('user-1', [habit(G1)])],
    [
      at(0, 'open', 0),
      recall(500, 'g1', 1),
      recall(500, 'g2', 2),
      fault('redis is full', 1_000, 3_000),
      recall(1_500, 'g1', 3),
      recall(2_000, 'more-1', 4),
      recall(3_000, 'g2', 5),
      // The latter two are stored by one call of the script: one that has written may go on, although memory is full.
      ...[3_020, 3_060, 3_100, 3_140, 3_200, 3_300].flatMap((atMs, i) => [
        recall(atMs, `more-${2 * i + 2}`, 6),
        recall(atMs, `more-${2 * i + 3}`, 6),
        recall(atMs, 'g1', 7 + i),
      ]),
    ],
  ),
}
