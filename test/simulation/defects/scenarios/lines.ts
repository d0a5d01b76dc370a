import type { Plan } from '../../plan.ts'
import {
  at,
  everywhere,
  fault,
  G1,
  G2,
  habit,
  nodesCutOff,
  opened,
  person,
  plan,
  recalls,
  T1,
} from './writing.ts'

/** A frame with 3,000 messages takes 6.5 s. */
const SLOW_LINK = 6
/** With this choice, the connection from the only process to Redis on which notices come. */
const SUBSCRIBER = 0
const DENIES_XRANGE = 9

/** What happens to the lines between parts. */
export const LINE_SCENARIOS = {
  /** Large notices on a slow link. */
  slowLink: plan(
    22,
    { broker: 'embedded' },
    [person('user-1', [habit(G1)], { bytesPerMs: SLOW_LINK })],
    [
      at(0, 'open', 0),
      at(0, 'kill', 1_000),
      ...[0, 1, 2].map((i) => ({
        kind: 'recall' as const,
        atMs: 1_500 + 100 * i,
        group: 'g1',
        seqs: Array.from({ length: 1_000 }, (_, k) => 1_000 * i + k + 1),
      })),
      at(0, 'open', 2_500),
    ],
  ),

  /** The connection on which notices come is dead, and nobody is told. */
  silent: plan(
    23,
    {},
    [person('user-1', everywhere), person('user-2', [habit(G1)], { role: 'member' })],
    [
      ...opened,
      ...recalls({ fromMs: 500, untilMs: 4_500, everyMs: 100 }),
      fault('one connection half open', 2_500, 0, SUBSCRIBER),
    ],
  ),

  /** Nodes come back to Redis, and cannot read what they have missed. */
  unreadable: nodesCutOff(24, {}, [fault('redis denies a command', 3_000, 14_000, DENIES_XRANGE)]),

  /** Nodes are stopped in order, one after the other. */
  stopping: plan(
    25,
    { alls: 2 },
    [
      person('user-1', [habit(G1), habit(T1), habit(G2)], { by: 'stream' }),
      person('user-2', [habit(G1), habit(G2)], { by: 'stream', role: 'member' }),
      person('user-3', [habit(G1)], { by: 'plain' }),
    ],
    [
      ...opened,
      at(2, 'open', 0),
      ...recalls({ fromMs: 500, untilMs: 12_000, everyMs: 200 }),
      fault('rolling restart', 2_000, 0, 1),
      fault('rolling restart', 7_000, 0, 2),
    ],
  ),

  /** What was missed while away is long kept when the page comes back, over a line that takes a while. */
  late: plan(
    26,
    { broker: 'embedded', latencyMs: 20 },
    Array.from({ length: 6 }, (_, i) => person(`user-${i + 1}`, everywhere)),
    [
      ...[0, 1, 2, 3, 4, 5].flatMap((i) => [
        at(i, 'open', 0),
        at(i, 'kill', 1_000 + 40 * i),
        at(i, 'open', 9_000 + 100 * i),
      ]),
      ...recalls({ fromMs: 500, untilMs: 4_000, everyMs: 20 }),
    ],
  ),
} satisfies Record<string, Plan>
