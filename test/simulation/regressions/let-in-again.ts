import { at, fault, G1, G2, habit, person, plan, tokens } from '../defects/scenarios/writing.ts'
import type { Regression } from '../regressions.ts'

/** With this choice, the node is meant. */
const NODE = 2_014_124_422

export const regression: Regression = {
  title: 'a page hears late that its user was disconnected, and its connection is let in again by itself',
  plan: plan(
    465_125_629,
    { alls: 0, receivers: 1, nodes: 1, historySize: 20, latencyMs: 0.3 },
    [
      person('user-1', [habit(G1, { name: 'listener', tookMs: 20 }), habit(G2, { name: 'listener' })], {
        by: 'plain',
        grantS: 2,
        tokens: tokens(20_000, 2_100),
        clockOffsetMs: 7 * 3_600_000,
      }),
    ],
    [
      at(0, 'open', 0),
      fault('gateway frozen', 13_010, 2_145, NODE),
      { kind: 'order', atMs: 13_020, user: 0, forS: 1 },
      at(0, 'close', 34_055),
    ],
  ),
}
