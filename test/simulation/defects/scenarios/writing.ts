import { FEED } from '../../../../shared/room.ts'
import type { Room } from '../../../../shared/room.ts'
import type {
  FaultStep,
  ListenerHabit,
  Plan,
  RecallStep,
  Shape,
  Step,
  TokenHabit,
  UserSpec,
  UserStep,
} from '../../plan.ts'

// What plans are written with.

export const G1: Room = { group: 'g1' }
export const T1: Room = { group: 'g1', topic: 't1' }
export const G2: Room = { group: 'g2' }

const shape = (changes: Partial<Shape>): Shape => ({
  broker: 'redis',
  alls: 1,
  receivers: 0,
  nodes: 0,
  historySize: 1_000,
  latencyMs: 2,
  hasEvidenceKey: false,
  ...changes,
})

export const habit = (room: Room, changes: Partial<ListenerHabit> = {}): ListenerHabit => ({
  name: 'listener 1',
  room,
  tookMs: 0,
  slowEvery: 0,
  throwsEvery: 0,
  leavesEvery: 0,
  returnsAfterMs: 0,
  closesEvery: 0,
  skipsEvery: 0,
  gapFailsEvery: 0,
  begins: 'stored',
  ...changes,
})

export const tokens = (lifeMs: number, delayMs = 0, changes: Partial<TokenHabit> = {}): TokenHabit => ({
  lifeMs,
  delayMs,
  failsEvery: 0,
  endedEvery: 0,
  rubbishEvery: 0,
  ...changes,
})

export const person = (
  name: string,
  listeners: readonly ListenerHabit[],
  changes: Partial<UserSpec> = {},
): UserSpec => ({
  name,
  by: 'library',
  role: 'admin',
  access: 'token',
  grantS: undefined,
  rooms: [...new Set(listeners.map(({ room }) => room))],
  listeners,
  store: 'session',
  tokens: tokens(600_000),
  clockOffsetMs: 0,
  ...changes,
})

export const recall = (atMs: number, group: string, seq: number): RecallStep => ({
  kind: 'recall',
  atMs,
  group,
  seqs: [seq],
})

interface Recalls {
  readonly fromMs: number
  readonly untilMs: number
  readonly everyMs: number
  /** In how many at once. */
  readonly burst?: number
}

export function recalls({ fromMs, untilMs, everyMs, burst = 1 }: Recalls): RecallStep[] {
  const steps: RecallStep[] = []
  for (let atMs = fromMs, n = 0; atMs < untilMs; atMs += everyMs)
    for (let i = 0; i < burst; i++, n++)
      steps.push({
        kind: 'recall',
        atMs,
        group: n % 4 === 3 ? 'g2' : 'g1',
        ...(n % 4 === 1 && { topic: 't1' }),
        seqs: n % 5 === 0 ? [3 * n + 1, 3 * n + 2] : [3 * n + 1],
      })
  return steps
}

export const at = (user: number, what: UserStep['what'], atMs: number): UserStep => ({
  kind: 'user',
  atMs,
  user,
  what,
})

export const fault = (name: string, atMs: number, durationMs = 0, choice = 1): FaultStep => ({
  kind: 'fault',
  atMs,
  name,
  durationMs,
  choice,
})

export const plan = (
  seed: number,
  own: Partial<Shape>,
  users: readonly UserSpec[],
  steps: readonly Step[],
): Plan => ({
  seed,
  shape: shape(own),
  users,
  steps: steps.toSorted((one, other) => one.atMs - other.atMs),
  activeMs: Math.max(...steps.map((step) => step.atMs + ('durationMs' in step ? step.durationMs : 0))) + 200,
})

export const everywhere = [FEED, G1, T1, G2].map((room) => habit(room))
export const opened = [at(0, 'open', 0), at(1, 'open', 0)]

/** With these choices, the lines of both nodes to Redis are meant, with three users and one receiver. */
const CHOICES_OF_REDIS_LINE = [5, 13]

/** Both nodes cannot reach Redis for 2 s, while the receiver can. */
export const nodesCutOff = (seed: number, own: Partial<Shape>, more: readonly Step[] = []): Plan =>
  plan(
    seed,
    { alls: 0, receivers: 1, nodes: 2, ...own },
    [
      person('user-1', everywhere),
      person('user-2', everywhere),
      person('user-3', [habit(G1)], { by: 'plain' }),
    ],
    [
      ...opened,
      at(2, 'open', 0),
      ...recalls({ fromMs: 500, untilMs: 3_800, everyMs: 60 }),
      ...CHOICES_OF_REDIS_LINE.map((choice) => fault('connections refused', 2_000, 2_000, choice)),
      ...more,
    ],
  )
