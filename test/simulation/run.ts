import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FAULTS } from './faults/faults.ts'
import { History } from './history.ts'
import { judge } from './judge/judge.ts'
import type { Violation } from './judge/violation.ts'
import { Log } from './log.ts'
import { evidenceTimes } from './system/evidence-taker.ts'
import type { Plan, Step } from './plan.ts'
import { look } from './system/look.ts'
import { System } from './system/system.ts'
import { world } from './world/world.ts'
import { Disks, disks } from './world/stores.ts'
import { net, Network } from './world/network.ts'
import { Random } from './world/random.ts'
import { OUTSIDE, Schedule } from './world/schedule.ts'

/** The processes have this long to start. */
const BOOT_MS = 4_000
/** After the last fault, everything must be as promised by then. */
const SETTLE_MS = 40_000
/** Whoever was refused may be so for a minute more. */
const SETTLE_REFUSED_MS = 75_000
/** What asks for evidence gives each file up much earlier. */
const LAST_EVIDENCE_MS = 60_000

export interface Outcome {
  readonly plan: Plan
  readonly violations: readonly Violation[]
  readonly history: History
  readonly virtualMs: number
  readonly events: number
  readonly fingerprint: string
  /** What the gateways logged last. */
  readonly log: readonly string[]
}

/** Runs a plan, and judges what happened. One at a time in a process. */
export async function run(plan: Plan): Promise<Outcome> {
  const schedule = new Schedule()
  world.schedule = schedule
  world.random = new Random(plan.seed)
  net.network = new Network()
  disks.current = new Disks()
  const folder = mkdtempSync(join(tmpdir(), 'simulation-'))
  const history = new History(() => schedule.nowMs)
  const log = new Log(history, () => schedule.nowMs)
  const system = new System(plan, history, folder, (line) => log.add(line))
  const onCrash = (error: unknown): void => {
    const { current } = schedule
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    history.add({ kind: 'crashed', process: current.name, error: text })
    if (current !== OUTSIDE) schedule.kill(current)
  }
  schedule.onError = onCrash
  process.on('unhandledRejection', onCrash).on('uncaughtException', onCrash)
  try {
    system.start()
    for (const step of plan.steps)
      schedule.at(BOOT_MS + step.atMs, OUTSIDE, () => perform(step, system, history))
    for (const atMs of evidenceTimes(plan))
      schedule.at(BOOT_MS + atMs, OUTSIDE, () => void system.evidence.take())
    const endMs = BOOT_MS + plan.activeMs
    await schedule.run(() => schedule.nowMs >= endMs)
    system.restore()
    history.add({ kind: 'all faults over' })
    const hasRefused = plan.steps.some(({ kind }) => kind === 'rights' || kind === 'order')
    const settleMs = hasRefused ? SETTLE_REFUSED_MS : SETTLE_MS
    await schedule.run(() => schedule.nowMs >= endMs + settleMs)
    const found = await look(system)
    if (found) history.add({ kind: 'found', ...found })
    await takeLast(system)
    const violations = judge(plan, history.entries)
    return {
      plan,
      violations,
      history,
      virtualMs: schedule.nowMs,
      events: schedule.events,
      fingerprint: schedule.fingerprint,
      log: log.lines,
    }
  } finally {
    process.off('unhandledRejection', onCrash).off('uncaughtException', onCrash)
    system.end()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Of every room, when nothing is wrong any more. */
async function takeLast({ evidence }: System): Promise<void> {
  const { schedule } = world
  const untilMs = schedule.nowMs + LAST_EVIDENCE_MS
  let isTaken = false
  void evidence.takeLast().then(() => (isTaken = true))
  await schedule.run(() => isTaken || schedule.nowMs >= untilMs)
}

function perform(step: Step, system: System, history: History): void {
  if (step.kind !== 'fault') return system.perform(step)
  const fault = FAULTS.find(({ name }) => name === step.name)
  if (fault === undefined || (fault.needsRedis && system.redis === undefined)) return
  const about = { name: step.name, detail: Math.round(step.durationMs) }
  const user = fault.userOf?.(system, new Random(step.choice))
  history.add({ kind: 'fault', ...about, ...(user !== undefined && { user }) })
  const end = fault.begin(system, new Random(step.choice), step.durationMs)
  if (end === undefined) return
  world.schedule.after(step.durationMs, OUTSIDE, () => {
    history.add({ kind: 'fault over', ...about })
    end()
  })
}
