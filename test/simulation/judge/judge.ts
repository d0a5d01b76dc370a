import type { Entry } from '../history.ts'
import type { Plan } from '../spec.ts'
import { judgeChain } from './chain.ts'
import { judgeCrashes } from './crashes.ts'
import { judgeFirstTold } from './first-told.ts'
import { judgeGaps } from './gaps.ts'
import { judgeGoodbyes } from './goodbyes.ts'
import { judgeGranted } from './granted.ts'
import { judgeHeals } from './heals.ts'
import { judgeKept } from './kept.ts'
import { judgeLeft } from './left.ts'
import { judgeLive } from './live.ts'
import { judgeLogs } from './logs.ts'
import { Losses } from './losses.ts'
import { judgeOnce } from './once.ts'
import { judgeOrder } from './order.ts'
import { judgeQuiet } from './quiet.ts'
import { judgeRefusals } from './refusals.ts'
import { Rights } from './rights.ts'
import { judgeSequence } from './sequence.ts'
import { stretchesOf } from './stretches.ts'
import { judgeTold } from './told.ts'
import type { Violation } from './violation.ts'

/** Compares the history of a run with what is promised. Shares nothing with the gateway. */
export function judge(plan: Plan, history: readonly Entry[]): readonly Violation[] {
  const stretches = stretchesOf(history)
  const losses = new Losses(plan, history)
  const rights = new Rights(plan, history)
  return [
    ...judgeCrashes(history),
    ...judgeKept(losses, history),
    ...judgeOnce(stretches, history),
    ...judgeOrder(losses, history),
    ...judgeSequence(plan, stretches, losses, history),
    ...judgeLeft(history),
    ...judgeTold(plan, stretches, rights, losses, history),
    ...judgeGaps(plan, losses, history),
    ...judgeLive(stretches, losses, history),
    ...judgeGranted(rights, history),
    ...judgeRefusals(rights, history),
    ...judgeGoodbyes(history),
    ...judgeHeals(plan, stretches, rights, history),
    ...judgeQuiet(plan, history),
    ...judgeLogs(history),
    ...judgeChain(plan, losses, history),
    ...judgeFirstTold(losses, history),
  ]
}
