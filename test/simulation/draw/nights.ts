import type { FaultStep, Night, Plan, RecallStep, Step } from '../spec.ts'
import type { Random } from '../world/random.ts'
import type { NightOdds } from './density.ts'

/** Between two recalls in the night. */
const MEAN_MS = 600_000
/** No recall of the day has such a number. */
const FIRST_SEQ = 1_000_000
/** Shorter ones would be refreshed all night. */
const MIN_TOKEN_LIFE_MS = 600_000
const MIN_GRANT_S = 60

/**
 * Puts hours into the middle of a run in which next to nothing happens: rooms and recalled sets are trimmed and expire, tokens
 * end and are refreshed, and a recall comes when all have been idle for long; what began before the night goes on after it.
 */
export function withNight(
  random: Random,
  plan: Plan,
  { chance, lastsMs }: NightOdds,
  faults: readonly string[],
): Plan {
  const night: Night = { fromMs: random.below(plan.activeMs), lastsMs: random.pick(lastsMs) }
  if (!random.chance(chance)) return plan
  const groups = groupsOf(plan)
  const steps = [
    ...plan.steps.map((step) => moved(step, (ms) => (ms >= night.fromMs ? ms + night.lastsMs : ms))),
    ...drawRecalls(random, groups, night),
    ...(faults.length > 0 && random.chance(0.5) ? [drawFault(random, faults, night)] : []),
  ]
  const users = plan.users.map((user) => ({
    ...user,
    grantS: Math.max(MIN_GRANT_S, user.grantS ?? 0),
    tokens: { ...user.tokens, lifeMs: Math.max(MIN_TOKEN_LIFE_MS, user.tokens.lifeMs) },
  }))
  return {
    ...plan,
    users,
    steps: steps.sort((a, b) => a.atMs - b.atMs),
    activeMs: plan.activeMs + night.lastsMs,
    night,
  }
}

const groupsOf = ({ steps }: Plan): string[] => [
  ...new Set(steps.flatMap((step) => (step.kind === 'recall' ? [step.group] : []))),
]

function moved(step: Step, move: (ms: number) => number): Step {
  const atMs = move(step.atMs)
  if (step.kind !== 'recall' || typeof step.recalledAtMs !== 'number') return { ...step, atMs }
  return { ...step, atMs, recalledAtMs: move(step.recalledAtMs) }
}

function drawRecalls(random: Random, groups: readonly string[], { fromMs, lastsMs }: Night): RecallStep[] {
  const steps: RecallStep[] = []
  if (groups.length === 0) return steps
  for (let atMs = random.below(2 * MEAN_MS); atMs < lastsMs; atMs += random.below(2 * MEAN_MS))
    steps.push({
      kind: 'recall',
      atMs: fromMs + atMs,
      group: random.pick(groups),
      ...(random.chance(0.3) && { topic: 't1' }),
      seqs: [FIRST_SEQ + steps.length],
    })
  return steps
}

const drawFault = (random: Random, names: readonly string[], { fromMs, lastsMs }: Night): FaultStep => ({
  kind: 'fault',
  atMs: fromMs + random.below(lastsMs),
  name: random.pick(names),
  durationMs: Math.round(random.between(200, 16_000)),
  choice: random.uint32(),
})

/** Returns the plan without its night, and what happens in it. */
export function withoutNight({ night, ...plan }: Plan): Plan {
  if (night === undefined) return plan
  const endMs = night.fromMs + night.lastsMs
  return {
    ...plan,
    steps: plan.steps
      .filter(({ atMs }) => atMs < night.fromMs || atMs >= endMs)
      .map((step) => moved(step, (ms) => (ms >= endMs ? ms - night.lastsMs : Math.min(ms, night.fromMs)))),
    activeMs: plan.activeMs - night.lastsMs,
  }
}
