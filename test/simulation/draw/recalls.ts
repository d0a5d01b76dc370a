import type { RecallStep } from '../spec.ts'
import type { Random } from '../world/random.ts'

/** How many calls come at once in a burst. */
const BURST = 12
const GREAT_BURST = 150

/** Draws the calls of the provider: one recall after the other, bursts, late ones, and repeats. */
export function drawRecalls(random: Random, groups: readonly string[], activeMs: number): RecallStep[] {
  const steps: RecallStep[] = []
  let seq = 0
  const meanMs = random.pick([150, 600, 1_500, 4_000])
  const hasGreatBurst = random.chance(0.05)
  for (let atMs = random.below(2_000); atMs < activeMs; atMs += random.below(2 * meanMs)) {
    const group = random.pick(groups)
    const burst = random.chance(0.1) ? 1 + random.below(BURST) : 1
    for (let i = 0; i < burst; i++) {
      const seqs = Array.from({ length: random.chance(0.2) ? 3 : 1 }, () => ++seq)
      steps.push({ kind: 'recall', atMs, group, ...(random.chance(0.3) && { topic: 't1' }), seqs })
    }
  }
  const [first] = steps
  if (first !== undefined && hasGreatBurst) {
    const atMs = random.below(activeMs)
    for (let i = 0; i < GREAT_BURST; i++) steps.push({ ...first, atMs, seqs: [++seq] })
  }
  return [...steps.map((step) => vary(random, step)), ...repeats(random, steps, activeMs)]
}

function vary(random: Random, step: RecallStep): RecallStep {
  if (random.chance(0.03)) return { ...step, isTwice: true }
  if (random.chance(0.03)) return { ...step, recalledAtMs: 'untimed' }
  if (random.chance(0.05))
    return { ...step, recalledAtMs: step.atMs - random.pick([1, 500, 1_900, 5_000, 70_000]) }
  return step
}

/** The same messages again: at the same time that is one recall, at a later time they are recalled anew. */
function repeats(random: Random, steps: readonly RecallStep[], activeMs: number): RecallStep[] {
  return steps
    .filter(() => random.chance(0.04))
    .map((step) => {
      const atMs = Math.min(activeMs, step.atMs + random.pick([0, 1, 100, 2_100, 8_000]))
      const recalledAtMs = random.pick([step.atMs, step.atMs, step.atMs, atMs, step.atMs - 1_000])
      return { ...step, atMs, recalledAtMs }
    })
}
