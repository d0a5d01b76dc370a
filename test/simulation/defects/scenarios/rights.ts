import type { Plan } from '../../plan.ts'
import { at, fault, G1, G2, habit, opened, person, plan, recalls, T1, tokens } from './writing.ts'

/** With this choice, Redis answers 600 ms later, and the backend 300 ms. */
const SLOW_300 = 4
/** With this one, Redis denies XREVRANGE. */
const DENIES_XREVRANGE = 13

/** What happens to the rights of those who listen. */
export const RIGHTS_SCENARIOS = {
  /** An operator takes people out, tokens and rights end, and nothing else is wrong. */
  orders: plan(
    17,
    {},
    [
      person('user-1', [habit(G1), habit(T1)], { by: 'plain', role: 'member' }),
      person('user-2', [habit(G1), habit(G2)], { role: 'member' }),
      person('user-3', [habit(G1)], {
        by: 'plain',
        role: 'member',
        tokens: tokens(3_000, 0, { endedEvery: 2 }),
      }),
    ],
    [
      ...[0, 1, 2].map((i) => at(i, 'open', 0)),
      ...recalls({ fromMs: 500, untilMs: 14_000, everyMs: 100 }),
      { kind: 'order', atMs: 2_000, user: 0, room: G1, forS: 8 },
      { kind: 'order', atMs: 3_000, user: 1, room: G1, forS: 4 },
    ],
  ),

  /** Entering takes longer than a yes of the backend holds. */
  entering: plan(
    18,
    {},
    [0, 1, 2, 3, 4, 5, 6].map((i) =>
      person(`user-${i + 1}`, [habit({ group: `x${i}` })], { role: 'member', access: 'app', grantS: 1 }),
    ),
    [
      ...[0, 1, 2, 3, 4, 5, 6].map((i) => at(i, 'open', 2_480 + 80 * i)),
      ...recalls({ fromMs: 500, untilMs: 8_000, everyMs: 200 }),
      fault('backend slow', 2_000, 4_000, SLOW_300),
      fault('redis slow', 2_000, 4_000, SLOW_300),
      fault('redis frozen', 2_450, 850),
      fault('redis slow', 2_000, 4_000, SLOW_300),
    ],
  ),

  /** The only process begins anew while it cannot read who was taken out. */
  restart: plan(
    20,
    {},
    [person('user-1', [habit(G1), habit(G2)], { by: 'plain', role: 'member' })],
    [
      at(0, 'open', 0),
      ...recalls({ fromMs: 500, untilMs: 14_000, everyMs: 100 }),
      { kind: 'order', atMs: 1_000, user: 0, room: G1, forS: 15 },
      fault('redis denies a command', 2_500, 8_000, DENIES_XREVRANGE),
      fault('gateway crashed', 3_000),
    ],
  ),

  /** Members are taken out of a group by the app, and come back, while nothing is wrong. */
  members: plan(
    28,
    {},
    (['plain', 'library'] as const).map((by, i) =>
      person(`user-${i + 1}`, [habit(G1), habit(G2)], { by, role: 'member', access: 'app', grantS: 30 }),
    ),
    [
      ...opened,
      ...recalls({ fromMs: 500, untilMs: 14_000, everyMs: 100 }),
      ...[0, 1].flatMap((user) => [
        { kind: 'rights' as const, atMs: 2_000, user, room: G1, what: 'revoke' as const, isTold: true },
        { kind: 'rights' as const, atMs: 9_000, user, room: G1, what: 'grant' as const, isTold: false },
      ]),
    ],
  ),

  /** Those without the library leave their rooms now and then, and come back later. */
  leaving: plan(
    21,
    {},
    [
      person('user-1', [habit(G1, { leavesEvery: 5, returnsAfterMs: 1_000 }), habit(G2)], { by: 'plain' }),
      person('user-2', [habit(G1, { leavesEvery: 3, returnsAfterMs: 300 })], { by: 'plain', role: 'member' }),
    ],
    [at(0, 'open', 0), at(1, 'open', 0), ...recalls({ fromMs: 500, untilMs: 6_000, everyMs: 100 })],
  ),
} satisfies Record<string, Plan>
