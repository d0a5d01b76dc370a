import { isFeed } from '../../../shared/room.ts'
import type { DismissStep, FaultStep, OrderStep, RightsStep, UserSpec, UserStep } from '../spec.ts'
import type { Random } from '../world/random.ts'

/** What is taken from somebody is given back, or ends, this long before the last step. */
const END_MS = 500
/** Around the timeouts of the gateway, where the order of events changes, and far from them. */
const DURATIONS_MS = [
  [20, 200],
  [200, 800],
  [900, 1_100],
  [1_600, 1_800],
  [1_900, 2_150],
  [2_850, 3_200],
  [3_500, 6_000],
  [7_700, 8_300],
  [9_700, 10_600],
  [12_000, 16_000],
] as const

export function drawUserSteps(random: Random, user: number, activeMs: number): UserStep[] {
  const steps: UserStep[] = []
  let atMs = random.chance(0.7) ? 0 : random.below(activeMs / 2)
  steps.push({ kind: 'user', atMs, user, what: 'open' })
  while (random.chance(0.5)) {
    atMs += 500 + random.below(activeMs / 2)
    if (atMs > activeMs) break
    if (random.chance(0.2)) {
      steps.push({ kind: 'user', atMs, user, what: 'hint' })
      continue
    }
    steps.push({ kind: 'user', atMs, user, what: random.pick(['kill', 'close'] as const) })
    atMs += 60 + random.below(4_000)
    steps.push({ kind: 'user', atMs, user, what: 'open' })
  }
  return steps
}

/** The backend takes the rights of a member and gives them back, a few times. */
export function drawRights(random: Random, users: readonly UserSpec[], activeMs: number): RightsStep[] {
  return users.flatMap(({ access, rooms }, user) => {
    if (access !== 'app' || random.chance(0.4)) return []
    const room = random.pick(rooms)
    const steps: RightsStep[] = []
    let atMs = random.below(activeMs / 2)
    for (;;) {
      const endMs = atMs + random.pick([300, 1_500, 4_000, 9_000])
      if (endMs > activeMs - END_MS) return steps
      const isTold = random.chance(0.5)
      steps.push({ kind: 'rights', atMs, user, room, what: 'revoke', isTold })
      steps.push({ kind: 'rights', atMs: endMs, user, room, what: 'grant', isTold: false })
      atMs = endMs + 500 + random.below(activeMs / 2)
    }
  })
}

export function drawOrders(random: Random, users: readonly UserSpec[], activeMs: number): OrderStep[] {
  if (random.chance(0.7)) return []
  return Array.from({ length: 1 + random.below(3) }, () => {
    const user = random.below(users.length)
    const rooms = (users[user]?.rooms ?? []).filter((room) => !isFeed(room))
    const room = rooms.length > 0 && random.chance(0.6) ? random.pick(rooms) : undefined
    const forS = random.pick([1, 1, 2, 4, 8])
    const atMs = random.below(Math.max(1, activeMs - forS * 1_000 - END_MS))
    return { kind: 'order', atMs, user, ...(room && { room }), forS }
  })
}

export const drawDismissals = (random: Random, groups: readonly string[], activeMs: number): DismissStep[] =>
  random.chance(0.9) ? [] : [{ kind: 'dismiss', atMs: random.below(activeMs), group: random.pick(groups) }]

/** A third of the runs has few, a third some, a third many; more than two of one kind are left out. */
export function drawFaults(random: Random, names: readonly string[], activeMs: number): FaultStep[] {
  if (names.length === 0) return []
  const [least, most] = random.pick([
    [0, 1],
    [2, 4],
    [5, 10],
  ] as const)
  const counts = new Map<string, number>()
  return Array.from({ length: least + random.below(most - least + 1) }, (): FaultStep => {
    const [fromMs, untilMs] = random.pick(DURATIONS_MS)
    return {
      kind: 'fault',
      atMs: 500 + random.below(activeMs - 500),
      name: random.pick(names),
      durationMs: Math.round(random.between(fromMs, untilMs)),
      choice: random.uint32(),
    }
  }).filter(({ name }) => {
    const count = (counts.get(name) ?? 0) + 1
    counts.set(name, count)
    return count <= 2
  })
}
