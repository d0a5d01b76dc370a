import { at, fault, G1, habit, person, plan, recalls } from '../defects/scenarios/writing.ts'
import type { Regression } from '../regressions.ts'

/** With this choice, Redis forgets one write. */
const LOSES_ONE = 8

export const regression: Regression = {
  title:
    'the power of everything goes before a copy is on disk, and what Redis forgot is published under its offsets',
  plan: plan(
    34,
    {},
    [person('user-1', [habit(G1)], { by: 'plain' }), person('user-2', [habit(G1)])],
    [
      at(0, 'open', 0),
      at(1, 'open', 0),
      ...recalls({ fromMs: 500, untilMs: 4_000, everyMs: 50 }),
      at(0, 'kill', 3_995),
      at(1, 'kill', 3_995),
      fault('everything without power', 3_999, 1_000, LOSES_ONE),
      // More than were lost, so that their offsets are reached again.
      ...recalls({ fromMs: 9_000, untilMs: 9_500, everyMs: 50 }).map((step, i) => ({
        ...step,
        seqs: [900 + i],
      })),
      at(0, 'open', 11_000),
      at(1, 'open', 11_000),
    ],
  ),
}
