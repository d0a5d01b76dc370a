import type { Plan } from '../../plan.ts'
import { at, everywhere, fault, person, plan, recalls } from './writing.ts'

const steps = [
  at(0, 'open', 0),
  at(1, 'open', 0),
  // With the seed of the first plan, another node than before tells it what it missed.
  at(1, 'close', 1_500),
  at(1, 'open', 9_000),
  ...recalls({ fromMs: 500, untilMs: 12_000, everyMs: 300, burst: 3 }),
]

/** Somebody takes evidence now and then, and what is told is noted. */
export const EVIDENCE_SCENARIOS = {
  proved: plan(
    35,
    { alls: 0, receivers: 1, nodes: 3, hasEvidenceKey: true },
    [person('user-1', everywhere), person('user-2', everywhere)],
    [...steps, fault('redis frozen', 2_000, 1_800)],
  ),

  provedEmbedded: plan(
    36,
    { broker: 'embedded', hasEvidenceKey: true },
    [person('user-1', everywhere), person('user-2', everywhere)],
    [...steps, fault('disk fails to flush', 2_000, 1_800)],
  ),
} satisfies Record<string, Plan>
