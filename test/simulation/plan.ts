import { FEED } from '../../shared/room.ts'
import type { Room } from '../../shared/room.ts'
import { Random } from './world/random.ts'

/** Everything that will happen in a run, so that it can be repeated, and made shorter by leaving steps out. */
export interface Plan {
  readonly seed: number
  readonly shape: Shape
  readonly users: readonly UserSpec[]
  readonly steps: readonly Step[]
  /** When the last step may begin. */
  readonly activeMs: number
}

/** How the gateway is set up. */
export interface Shape {
  readonly broker: 'redis' | 'embedded'
  /** Processes that receive and serve sockets. Without Redis, there is one, and no other. */
  readonly alls: number
  readonly receivers: number
  readonly nodes: number
  readonly historySize: number
  readonly latencyMs: number
}

export interface UserSpec {
  readonly name: string
  readonly role: 'admin' | 'member'
  readonly rooms: readonly Room[]
  readonly listeners: readonly ListenerHabit[]
  readonly store: 'memory' | 'session' | 'slow'
  readonly tokenLifeMs: number
  readonly tokenDelayMs: number
  readonly clockOffsetMs: number
}

/** What a listener does with what it is told. */
export interface ListenerHabit {
  readonly name: string
  readonly room: Room
  /** How long it takes, in ms. */
  readonly tookMs: number
  /** It throws at every so many calls; 0: never. */
  readonly throwsEvery: number
  /** It leaves at every so many calls, from inside, and subscribes again; 0: never. */
  readonly leavesEvery: number
}

export type Step = RecallStep | UserStep | FaultStep

export interface RecallStep {
  readonly kind: 'recall'
  readonly atMs: number
  readonly group: string
  readonly topic?: string
  readonly seqs: readonly number[]
}

export interface UserStep {
  readonly kind: 'user'
  readonly atMs: number
  readonly user: number
  readonly what: 'kill' | 'close' | 'open'
}

/** What a fault does is chosen by its own number, so that it stays the same when other steps are left out. */
export interface FaultStep {
  readonly kind: 'fault'
  readonly atMs: number
  readonly name: string
  readonly durationMs: number
  readonly choice: number
}

/** Small ones are quick, and most faults need no more; so they are drawn more often. */
const SETUPS = [
  ...Array.from({ length: 6 }, () => ({ broker: 'embedded', alls: 1, receivers: 0, nodes: 0 }) as const),
  ...Array.from({ length: 5 }, () => ({ broker: 'redis', alls: 1, receivers: 0, nodes: 0 }) as const),
  ...Array.from({ length: 3 }, () => ({ broker: 'redis', alls: 2, receivers: 0, nodes: 0 }) as const),
  { broker: 'redis', alls: 0, receivers: 1, nodes: 1 },
  { broker: 'redis', alls: 0, receivers: 1, nodes: 2 },
  { broker: 'redis', alls: 0, receivers: 2, nodes: 2 },
] as const

const GROUPS = ['g1', 'g2'] as const

/** Draws a run. `faults`: the names to choose from. */
export function drawPlan(seed: number, faults: readonly string[]): Plan {
  const random = new Random(seed)
  const activeMs = random.between(8_000, 40_000)
  const shape: Shape = {
    ...random.pick(SETUPS),
    historySize: random.pick([5, 20, 1_000]),
    latencyMs: random.pick([0.3, 2, 20]),
  }
  const users = Array.from({ length: 1 + random.below(3) }, (_, i) => drawUser(random, i))
  const steps = [
    ...drawRecalls(random, activeMs),
    ...users.flatMap((_, user) => drawUserSteps(random, user, activeMs)),
    ...drawFaults(random, faults, activeMs),
  ]
  return { seed, shape, users, steps: steps.sort((a, b) => a.atMs - b.atMs), activeMs }
}

function drawUser(random: Random, i: number): UserSpec {
  const role = random.pick(['admin', 'member'] as const)
  const own: Room[] = [{ group: 'g1' }, { group: 'g1', topic: 't1' }, { group: 'g2' }]
  const candidates: readonly Room[] = role === 'admin' ? [FEED, ...own] : own
  const rooms = candidates.filter(() => random.chance(0.6))
  if (rooms.length === 0) rooms.push(candidates[0] as Room)
  const listeners = rooms.flatMap((room) => {
    const isShared = random.chance(0.2)
    return Array.from({ length: isShared ? 2 : 1 }, (_, n) =>
      drawHabit(random, room, `listener ${n + 1}`, isShared),
    )
  })
  return {
    name: `user-${i + 1}`,
    role,
    rooms,
    listeners,
    store: random.pick(['memory', 'session', 'session', 'slow'] as const),
    tokenLifeMs: random.pick([2_000, 5_000, 20_000, 600_000, 600_000]),
    tokenDelayMs: random.pick([0, 0, 30, 400]),
    clockOffsetMs: random.pick([0, 0, 0, 7 * 3_600_000, -7 * 3_600_000]),
  }
}

/** With another listener there, one that subscribes again begins anew: what it leaves unfinished, the other one has. */
function drawHabit(random: Random, room: Room, name: string, isShared: boolean): ListenerHabit {
  return {
    name,
    room,
    tookMs: random.pick([0, 0, 0, 5, 20]),
    throwsEvery: random.pick([0, 0, 0, 9]),
    leavesEvery: isShared ? 0 : random.pick([0, 0, 0, 0, 3]),
  }
}

function drawRecalls(random: Random, activeMs: number): RecallStep[] {
  const steps: RecallStep[] = []
  let seq = 0
  const meanMs = random.pick([100, 400, 1_500])
  for (let atMs = random.between(0, 2_000); atMs < activeMs; atMs += random.between(0, 2 * meanMs)) {
    const group = random.pick(GROUPS)
    const burst = random.chance(0.1) ? 1 + random.below(12) : 1
    for (let i = 0; i < burst; i++) {
      const seqs = Array.from({ length: random.chance(0.2) ? 3 : 1 }, () => ++seq)
      steps.push({ kind: 'recall', atMs, group, ...(random.chance(0.3) && { topic: 't1' }), seqs })
    }
  }
  return steps
}

function drawUserSteps(random: Random, user: number, activeMs: number): UserStep[] {
  const steps: UserStep[] = []
  let atMs = random.chance(0.7) ? 0 : random.between(0, activeMs / 2)
  steps.push({ kind: 'user', atMs, user, what: 'open' })
  while (random.chance(0.5)) {
    atMs += random.between(500, activeMs / 2)
    if (atMs > activeMs) break
    steps.push({ kind: 'user', atMs, user, what: random.pick(['kill', 'close'] as const) })
    atMs += random.between(60, 4_000)
    steps.push({ kind: 'user', atMs, user, what: 'open' })
  }
  return steps
}

function drawFaults(random: Random, names: readonly string[], activeMs: number): FaultStep[] {
  if (names.length === 0) return []
  return Array.from({ length: random.below(7) }, () => ({
    kind: 'fault',
    atMs: random.between(500, activeMs),
    name: random.pick(names),
    durationMs: random.pick([50, 400, 1_500, 4_000, 12_000]) * random.between(0.5, 1.5),
    choice: random.uint32(),
  }))
}
