import type { Plan, RecallStep } from '../../plan.ts'
import { at, everywhere, fault, G1, G2, habit, opened, person, plan, recalls, T1, tokens } from './writing.ts'

/** What happens to those who listen. */
export const USER_SCENARIOS = {
  /** Pages that are slow, leave, are killed and come again. */
  pages: plan(
    1,
    { broker: 'embedded' },
    [
      person('user-1', [
        habit(G1, { tookMs: 20 }),
        habit(T1, { name: 'listener 1' }),
        habit(T1, { name: 'listener 2', tookMs: 200 }),
        habit(G2, { throwsEvery: 3 }),
      ]),
      person('user-2', [habit(G1, { leavesEvery: 3 }), habit(G2, { leavesEvery: 2, tookMs: 5 })], {
        role: 'member',
      }),
    ],
    [
      ...opened,
      ...recalls({ fromMs: 500, untilMs: 8_000, everyMs: 60 }),
      at(0, 'kill', 2_005),
      at(0, 'open', 2_700),
      at(1, 'kill', 3_000),
      at(1, 'open', 3_300),
      at(0, 'close', 4_512),
      at(0, 'open', 5_000),
      at(0, 'kill', 6_111),
      at(0, 'open', 6_900),
      fault('connections cut', 3_700, 0, 2),
      fault('connections cut', 5_500, 0, 4),
    ],
  ),

  /** Logs that are too short for those who come again. */
  shortLogs: plan(
    2,
    { broker: 'embedded', historySize: 5 },
    [person('user-1', everywhere), person('user-2', [habit(G1), habit(T1)], { role: 'member' })],
    [
      ...opened,
      ...recalls({ fromMs: 500, untilMs: 6_000, everyMs: 200 }),
      at(0, 'kill', 1_500),
      at(0, 'open', 4_500),
      at(1, 'close', 2_000),
      at(1, 'open', 4_600),
      // What is in memory must not serve them.
      fault('gateway crashed', 3_000),
    ],
  ),

  /** An app that keeps its place by itself comes back, and nothing follows. */
  places: plan(
    29,
    { broker: 'embedded' },
    [person('user-1', [habit(G1, { begins: 'given' })], { store: 'memory' })],
    [
      at(0, 'open', 0),
      ...recalls({ fromMs: 500, untilMs: 2_500, everyMs: 100 }),
      at(0, 'kill', 1_200),
      at(0, 'open', 2_700),
    ],
  ),

  /** Somebody misses as much as a log holds, and the node has nothing of it in its memory. */
  fullLog: plan(
    30,
    { historySize: 5 },
    [person('user-1', [habit(G2)], { by: 'plain' })],
    [
      at(0, 'open', 0),
      ...[500, 1_000, 1_500, 1_600, 1_700, 1_800, 1_900].map((atMs, i) => ({
        kind: 'recall' as const,
        atMs,
        group: 'g2',
        seqs: [i + 1],
      })),
      at(0, 'kill', 1_200),
      fault('gateway crashed', 2_000),
      at(0, 'open', 4_000),
    ],
  ),

  /** Tokens that live for two seconds, and take long to get. */
  tokens: plan(
    7,
    { broker: 'embedded', latencyMs: 20 },
    [
      person('user-1', everywhere, { tokens: tokens(2_000, 400, { endedEvery: 4 }) }),
      person('user-2', [habit(G1), habit(T1)], { role: 'member', tokens: tokens(2_500, 30) }),
      person('user-3', [habit(G1)], { role: 'member', tokens: tokens(600_000, 0, { endedEvery: 2 }) }),
    ],
    [
      ...opened,
      at(2, 'open', 0),
      at(2, 'kill', 3_000),
      // With a token that has ended.
      at(2, 'open', 3_500),
      ...recalls({ fromMs: 500, untilMs: 12_000, everyMs: 250 }),
      fault('line slow', 2_000, 3_000, 2),
      fault('user frozen', 6_000, 2_500),
      fault('line slow', 9_000, 3_000, 3),
    ],
  ),

  /** What is recalled again, late, twice, and without a time, while Redis is away. */
  again: plan(
    13,
    {},
    [person('user-1', everywhere)],
    [
      at(0, 'open', 0),
      ...recalls({ fromMs: 500, untilMs: 6_000, everyMs: 200 }),
      ...[1_000, 2_500, 4_500].flatMap((atMs): RecallStep[] =>
        [atMs, atMs - 300, atMs + 100, atMs - 300, atMs + 100].map((recalledAtMs, i) => ({
          kind: 'recall',
          atMs: atMs + 60 * i,
          group: 'g1',
          seqs: [700 + atMs],
          recalledAtMs,
        })),
      ),
      fault('redis frozen', 2_400, 1_500),
    ],
  ),

  /** Many come back in the middle of bursts, to logs that are too short for some. */
  crowd: plan(
    14,
    { broker: 'embedded', historySize: 5, latencyMs: 5 },
    Array.from({ length: 10 }, (_, i) =>
      person(`user-${i + 1}`, [habit(G1), habit(T1)], { by: i % 2 === 0 ? 'plain' : 'library' }),
    ),
    [
      ...Array.from({ length: 10 }, (_, i) => [
        at(i, 'open', 0),
        at(i, 'kill', 1_500 + 60 * i),
        at(i, 'open', 2_600 + 40 * i),
        at(i, 'kill', 9_200),
        at(i, 'open', 9_900 + 25 * i),
      ]).flat(),
      ...recalls({ fromMs: 500, untilMs: 2_200, everyMs: 55 }),
      fault('gateway crashed', 2_250),
      // While the event loop is busy: notices wait to be batched.
      ...recalls({ fromMs: 9_500, untilMs: 10_200, everyMs: 13 }).map((step) => ({
        ...step,
        seqs: step.seqs.map((seq) => seq + 10_000),
      })),
    ],
  ),

  /** Each comes back to a room of its own, in which one recall comes at about that moment. */
  alone: plan(
    15,
    { latencyMs: 20 },
    Array.from({ length: 20 }, (_, i) => person(`user-${i + 1}`, [habit({ group: `x${i}` })])),
    Array.from({ length: 20 }, (_, i) => [
      at(i, 'open', 0),
      at(i, 'kill', 1_500),
      at(i, 'open', 8_000 + 300 * i),
      { kind: 'recall' as const, atMs: 8_000 + 300 * i + 20 + 8 * i, group: `x${i}`, seqs: [1] },
    ]).flat(),
  ),
} satisfies Record<string, Plan>
