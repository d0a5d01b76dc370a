import { at, fault, G1, habit, person, plan } from '../defects/scenarios/writing.ts'
import type { Regression } from '../regressions.ts'

export const regression: Regression = {
  title:
    'Redis forgets what a receiver was confirmed before its first marker, and still has that of the process before',
  plan: plan(
    710_426,
    { alls: 2, historySize: 20 },
    [person('user-1', [habit(G1)])],
    [
      at(0, 'open', 0),
      { kind: 'recall', atMs: 1_000, group: 'g1', seqs: [1] },
      fault('everything without power', 3_315, 7_872, 2_866_815_862),
      { kind: 'recall', atMs: 12_044, group: 'g1', seqs: [27] },
      fault('redis rolled back while it was away', 12_172, 997, 3_806_064_102),
    ],
  ),
}
