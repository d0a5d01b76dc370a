import type { BrokerOptions } from '../broker.ts'
import { POSITION_TTL_S } from '../log-rules.ts'

/** Nothing is prolonged before this part of its life is over: that would cost as much as keeping a recall. */
const PROLONGED_AFTER = 1 / 16

/**
 * How long the publish script lets things live, in ms, in the order of its arguments: a log, a head, a recalled set (0 =
 * for ever), and how much longer logs and heads live, so that they need not be prolonged until then.
 */
export function livesOf({ historyTtlS, recalledTtlS }: BrokerOptions): readonly number[] {
  const inMs = [historyTtlS, POSITION_TTL_S, recalledTtlS ?? 0].map((seconds) => seconds * 1_000)
  const shortest = Math.min(historyTtlS, POSITION_TTL_S) * 1_000
  return [...inMs, Math.floor(shortest * PROLONGED_AFTER)]
}
