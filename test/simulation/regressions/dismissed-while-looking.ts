import { FEED } from '../../../shared/room.ts'
import { at, fault, habit, person, plan } from '../defects/scenarios/writing.ts'
import type { Regression } from '../regressions.ts'

/** With this choice, the answers to the process that ends the group are lost. */
const OF_THE_ONE_THAT_ENDS = 2_363_967_628

export const regression: Regression = {
  title: 'a receiver looks for what was confirmed last, whose topic has ended, and not yet its group',
  plan: plan(
    951_126,
    { alls: 2, historySize: 20, latencyMs: 20 },
    [person('user-1', []), person('user-2', []), person('user-3', [habit(FEED)])],
    [
      at(2, 'open', 0),
      { kind: 'recall', atMs: 1_983, group: 'g2', topic: 't1', seqs: [1, 2, 3] },
      { kind: 'dismiss', atMs: 2_047, group: 'g2' },
      fault('answers of redis lost', 2_160, 9_933, OF_THE_ONE_THAT_ENDS),
    ],
  ),
}
