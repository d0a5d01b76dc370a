import { at, fault, G1, habit, person, plan, recalls } from '../defects/scenarios/writing.ts'
import type { Regression } from '../regressions.ts'

/** With this choice, Redis forgets 30 writes at most. */
const LOSES_MANY = 3

export const regression: Regression = {
  title: 'a page keeps a stored position that the log has not reached again after a power cut',
  plan: plan(
    31,
    {},
    [person('user-1', [habit(G1)])],
    [
      at(0, 'open', 0),
      ...recalls({ fromMs: 500, untilMs: 2_000, everyMs: 100 }),
      fault('everything without power', 3_000, 1_000, LOSES_MANY),
      // Fewer than were lost: the log is still behind what was stored.
      ...recalls({ fromMs: 9_000, untilMs: 9_250, everyMs: 100 }).map((step, i) => ({
        ...step,
        seqs: [900 + i],
      })),
      at(0, 'kill', 9_600),
      ...recalls({ fromMs: 9_700, untilMs: 10_250, everyMs: 100 }).map((step, i) => ({
        ...step,
        seqs: [950 + i],
      })),
      at(0, 'open', 10_500),
    ],
  ),
}
