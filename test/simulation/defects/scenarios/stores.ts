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
} from './writing.ts'

/** With this choice, a failover loses 23 writes. */
const LOSES_23 = 1
/** With these choices, the disk takes 2.5 s, or 50 ms. */
const DISK_2500 = 2
const DISK_50 = 4
/** With this one, the line from the only receiver to Redis is meant, with two users and one node. */
const LINE_OF_RECEIVER = 6

/** What happens to what keeps recalls: Redis, disks and those who write there. */
export const STORE_SCENARIOS = {
  /** Redis is away, with another receiver's recalls, and the lines to it break. */
  outage: plan(
    3,
    { historySize: 20 },
    [
      person('user-1', everywhere),
      person('user-2', [habit(G1)], { role: 'member' }),
      person('user-3', [habit({ group: 'x1' }), habit({ group: 'x2' })]),
    ],
    [
      ...opened,
      // While Redis is away: its rooms are refused for now.
      at(2, 'open', 2_800),
      ...recalls({ fromMs: 500, untilMs: 9_000, everyMs: 100 }),
      fault('redis away', 2_000, 2_500),
      fault('gateway frozen', 6_000, 700),
      fault('redis frozen', 7_000, 1_800),
    ],
  ),

  /** The receiver loses its power while recalls are on its disk alone. */
  power: plan(
    4,
    {},
    [person('user-1', everywhere), person('user-2', [habit(G1)], { role: 'member' })],
    [
      ...opened,
      ...recalls({ fromMs: 500, untilMs: 4_950, everyMs: 30 }),
      fault('redis frozen', 2_000, 6_000),
      fault('gateway without power', 5_000, 2_000),
    ],
  ),

  /** The local store loses its power. */
  embeddedPower: plan(
    5,
    { broker: 'embedded' },
    [person('user-1', everywhere), person('user-2', [habit(G1)], { role: 'member' })],
    [
      ...opened,
      ...recalls({ fromMs: 500, untilMs: 1_999, everyMs: 3 }),
      fault('disk slow', 1_000, 2_000, DISK_50),
      fault('gateway without power', 2_000, 500),
    ],
  ),

  /** Redis goes back, while users come and go. */
  rollbacks: plan(
    6,
    { alls: 2 },
    [person('user-1', everywhere), person('user-2', [habit(G1), habit(G2)], { role: 'member' })],
    [
      ...opened,
      ...recalls({ fromMs: 500, untilMs: 9_000, everyMs: 150 }),
      fault('redis failed over without its latest writes', 2_500, 0, LOSES_23),
      at(0, 'kill', 4_000),
      fault('redis emptied', 4_500),
      at(0, 'open', 6_000),
      fault('redis failed over without its latest writes', 7_500, 0, 9),
    ],
  ),

  /** A disk that is slow while Redis does not answer, and no recall afterwards. */
  lateFlush: plan(
    8,
    {},
    [person('user-1', everywhere)],
    [
      at(0, 'open', 0),
      ...recalls({ fromMs: 500, untilMs: 1_500, everyMs: 300 }),
      fault('redis frozen', 2_000, 2_000),
      fault('disk slow', 2_000, 6_000, DISK_2500),
      { kind: 'recall', atMs: 2_300, group: 'g1', seqs: [900] },
      { kind: 'recall', atMs: 2_500, group: 'g1', seqs: [901] },
    ],
  ),

  /** A group is dismissed, and another one has its name and its numbers. */
  dismissed: plan(
    27,
    {},
    [person('user-1', everywhere)],
    [
      at(0, 'open', 0),
      ...recalls({ fromMs: 500, untilMs: 2_000, everyMs: 100 }),
      { kind: 'dismiss', atMs: 2_500, group: 'g1' },
      { kind: 'recall', atMs: 3_500, group: 'g1', seqs: [1] },
    ],
  ),

  /** A full disk while Redis does not answer. */
  fullDisk: plan(
    9,
    {},
    [person('user-1', everywhere)],
    [
      at(0, 'open', 0),
      ...recalls({ fromMs: 500, untilMs: 6_000, everyMs: 100 }),
      fault('redis frozen', 2_000, 3_000),
      fault('disk full', 1_900, 3_500),
    ],
  ),

  /** Nodes lose Redis for longer than logs reach back, and nothing follows. */
  cutNode: nodesCutOff(16, { historySize: 5 }),

  /** Redis is away for long, and then a receiver alone is cut off from it. */
  longOutage: plan(
    19,
    { alls: 0, receivers: 1, nodes: 1 },
    [person('user-1', everywhere), person('user-2', [habit(G1)], { role: 'member' })],
    [
      ...opened,
      ...recalls({ fromMs: 500, untilMs: 32_000, everyMs: 300 }),
      fault('redis away', 2_000, 9_000),
      fault('connections refused', 18_000, 12_000, LINE_OF_RECEIVER),
    ],
  ),
} satisfies Record<string, Plan>
