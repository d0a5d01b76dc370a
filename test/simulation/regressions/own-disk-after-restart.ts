import { FEED } from '../../../shared/room.ts'
import { at, fault, G1, G2, habit, person, plan, T1 } from '../defects/scenarios/writing.ts'
import type { Regression } from '../regressions.ts'

export const regression: Regression = {
  title:
    'a process starts with recalls on its disk, and tells listeners that all is well until its first heartbeat is read',
  plan: plan(
    97_568_128,
    { historySize: 5, latencyMs: 0.3 },
    [
      person(
        'user-1',
        [FEED, G1, T1, G2].map((room) => habit(room)),
        { by: 'stream' },
      ),
    ],
    [
      at(0, 'open', 0),
      fault('redis frozen', 5_146, 4_278),
      { kind: 'recall', atMs: 5_331, group: 'g2', seqs: [58] },
      { kind: 'recall', atMs: 5_470, group: 'g1', seqs: [59] },
      { kind: 'recall', atMs: 5_722, group: 'g1', seqs: [60] },
      { kind: 'recall', atMs: 5_953, group: 'g1', topic: 't1', seqs: [61] },
      fault('gateway crashed', 6_443, 1_694),
      fault('gateway crashed', 8_668, 317),
    ],
  ),
}
