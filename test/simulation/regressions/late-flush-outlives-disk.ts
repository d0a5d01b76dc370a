import { at, fault, habit, person, plan, T1, tokens } from '../defects/scenarios/writing.ts'
import type { RecallStep } from '../plan.ts'
import type { Regression } from '../regressions.ts'

const recall = (atMs: number, group: string, seqs: readonly number[], topic?: string): RecallStep => ({
  kind: 'recall',
  atMs,
  group,
  ...(topic !== undefined && { topic }),
  seqs,
})

/** With this choice, a flush takes seconds. */
const VERY_SLOW = 1_410_344_376

export const regression: Regression = {
  title:
    'a flush outlives the slow disk that it began on, and who waits for it in vain overtakes what is spooled',
  plan: plan(
    246_870_610,
    { historySize: 5, latencyMs: 0.3 },
    [
      person('user-1', [habit(T1, { name: 'listener', tookMs: 5, slowEvery: 10 })], {
        grantS: 2,
        store: 'memory',
        tokens: tokens(600_000, 200, { rubbishEvery: 2 }),
        clockOffsetMs: 7 * 3_600_000,
      }),
    ],
    [
      recall(13_740, 'g1', [252, 253, 254], 't1'),
      at(0, 'open', 13_743),
      recall(13_910, 'g2', [255]),
      recall(17_351, 'g2', [323]),
      fault('redis is a replica', 17_625, 260, 1_614_748_345),
      recall(17_789, 'g2', [343]),
      recall(17_789, 'g2', [344, 345, 346]),
      recall(17_789, 'g2', [347, 348, 349], 't1'),
      recall(17_945, 'g1', [350]),
      recall(18_789, 'g1', [354], 't1'),
      fault('disk slow', 19_787, 453, VERY_SLOW),
      recall(20_141, 'g1', [372]),
      recall(20_340, 'g1', [374], 't1'),
    ],
  ),
}
