import type { Problem, ProcessState } from '../../shared/http-api.ts'
import type { LeftFolder } from './folder-notes.ts'
import { describeUnread } from './processes.ts'
import type { Processes } from './processes.ts'
import { problemsOfWebhooks } from './webhook-rules.ts'

/** Every problem that the rules find, the worst first. `operations.md` describes each, and the metric has a series for each. */
export const PROBLEMS = {
  NO_RECEIVER: ['critical'],
  NO_NODE: ['critical'],
  WEBHOOKS_REFUSED: ['critical', 'warning'],
  WEBHOOKS_FAILED: ['critical', 'warning'],
  DELIVERY_IN_DOUBT: ['critical'],
  ENTRIES_UNREADABLE: ['critical', 'warning'],
  SPOOL_FULL: ['critical'],
  SPOOL_WAITING: ['critical', 'warning'],
  PROCESS_GONE: ['critical', 'warning'],
  PROCESS_NOT_READY: ['critical', 'warning'],
  DATA_FOLDER_SHARED: ['critical'],
  MEMORY_USED_UP: ['warning'],
  BACKEND_DOWN: ['warning'],
  RELAY_WAITING: ['warning'],
  STATUS_INCOMPLETE: ['warning'],
  BROKER_WARNING: ['warning'],
  QUARANTINE_NOT_EMPTY: ['warning'],
} as const satisfies Readonly<Record<string, readonly Problem['severity'][]>>

type ProblemCode = keyof typeof PROBLEMS

/** A problem as the rules find it. */
export type FoundProblem = Problem & { readonly code: ProblemCode }

export interface HealthView extends Processes {
  /** Why the other processes could not be asked: `alive` holds only the one that looks. */
  readonly incomplete?: string | undefined
  /** What heartbeats tell no more. */
  readonly left?: readonly LeftFolder[] | undefined
}

/** A recall waits this long in a spool only if the broker does not confirm. */
const SPOOL_WAITING_MS = { warning: 2_000, critical: 10_000 }
/** As long, the next notice may become a gap too. */
const UNREADABLE_RECENTLY_MS = 60_000
/** For so long after a start, the predecessor on the same data folder may not have ended yet. */
const TAKEOVER_MS = 10_000
/** Shorter, it is a burst that has been dealt with. */
const MEMORY_PRESSED_MS = 10_000
/** Shorter, the relay's queue is at work. */
const RELAY_WAITING_MS = 60_000
/** More would help nobody, and a status has to stay small. */
const MAX_PROBLEMS = 100

/** Returns what needs attention, the worst first; pure. */
export function problemsOf(view: HealthView, nowMs: number): FoundProblem[] {
  const found = [
    ...missingRoles(view),
    ...view.alive.flatMap((process) => ownProblemsOf(process, view.alive)),
    ...sharedDataFolders(view, nowMs),
    ...goneProcesses(view),
    ...forgottenFolders(view, nowMs),
    ...brokerWarnings(view),
    ...incompleteness(view),
  ]
  const codes = Object.keys(PROBLEMS)
  const rank = ({ severity, code }: FoundProblem): number =>
    (severity === 'critical' ? 0 : codes.length) + codes.indexOf(code)
  return found.toSorted((a, b) => rank(a) - rank(b)).slice(0, MAX_PROBLEMS)
}

/** Returns what is wrong with one process by its own state. Whether others do its work matters too, where they are known. */
export function ownProblemsOf(
  process: ProcessState,
  alive: readonly ProcessState[] = [process],
): FoundProblem[] {
  return [
    ...problemsOfWebhooks(process),
    ...delivery(process),
    ...unreadable(process),
    ...spool(process),
    ...readiness(process, alive),
    ...memory(process),
    ...relay(process),
    ...quarantine(process),
  ]
}

function incompleteness({ incomplete, unread }: HealthView): FoundProblem[] {
  const warning = (message: string): FoundProblem[] => [problem('STATUS_INCOMPLETE', 'warning', message)]
  if (incomplete !== undefined) return warning(`the other processes could not be asked: ${incomplete}`)
  if (unread.length === 0) return []
  return warning(describeUnread(unread))
}

function missingRoles({ alive, incomplete, unread }: HealthView): FoundProblem[] {
  // Others may have the role.
  if (incomplete !== undefined || unread.length > 0) return []
  return [
    ...(alive.some(({ role }) => role !== 'node')
      ? []
      : [
          problem(
            'NO_RECEIVER',
            'critical',
            'no process receives webhooks, so every recall is lost: start one with ROLE=receiver or ROLE=all',
          ),
        ]),
    ...(alive.some(({ role }) => role !== 'receiver')
      ? []
      : [
          problem(
            'NO_NODE',
            'critical',
            'no process serves sockets, so nobody is told of recalls: start one with ROLE=node or ROLE=all',
          ),
        ]),
  ]
}

/** A process that drains has sent its sockets away, or is about to. */
function delivery({ id, delivery: state, draining }: ProcessState): FoundProblem[] {
  if (state === undefined || state.proved || draining) return []
  const message = `its sockets may miss notices, for ${inSeconds(state.doubtMs)}: ${state.reason}`
  return [problem('DELIVERY_IN_DOUBT', 'critical', message, id)]
}

/** Its clients load the conversation again each time, and so does everything behind them. */
function unreadable({ id, unreadable: state }: ProcessState): FoundProblem[] {
  if (state === undefined) return []
  const severity = state.ageMs < UNREADABLE_RECENTLY_MS ? 'critical' : 'warning'
  const message = `its sockets were sent gaps instead of notices because it could not read what Redis holds: ${state.count}, the latest ${inSeconds(state.ageMs)} ago. REDIS_SIGNING_KEY differs between processes, one is of a later version, a file of Redis is damaged, or somebody else writes to Redis`
  return [problem('ENTRIES_UNREADABLE', severity, message, id)]
}

function spool({ id, spool: depth }: ProcessState): FoundProblem[] {
  if (depth === undefined) return []
  return [...fullSpool(id, depth), ...waitingSpool(id, depth)]
}

type SpoolDepth = NonNullable<ProcessState['spool']>

/** Also if it was a test that had no room: the next recall has none either. */
function fullSpool(id: string, { bytes, full }: SpoolDepth): FoundProblem[] {
  if (!full) return []
  const message = `its spool is full with ${bytes} bytes (SPOOL_MAX_BYTES): until Redis confirms, recalls cannot be stored, and are lost unless they are sent again`
  return [problem('SPOOL_FULL', 'critical', message, id)]
}

function waitingSpool(id: string, depth: SpoolDepth): FoundProblem[] {
  if (depth.recalls === 0 || depth.ageMs < SPOOL_WAITING_MS.warning) return []
  const severity = depth.ageMs < SPOOL_WAITING_MS.critical ? 'warning' : 'critical'
  const message = `${recalls(depth.recalls)} on its disk, the oldest for ${inSeconds(depth.ageMs)}, because Redis has not confirmed that it has stored what it was sent: perhaps nobody has been told`
  return [problem('SPOOL_WAITING', severity, message, id)]
}

/**
 * A node that is not ready tells nobody. If it has no sockets, and another one can take them, nobody misses anything; a receiver
 * stores recalls on disk meanwhile.
 */
function readiness(process: ProcessState, alive: readonly ProcessState[]): FoundProblem[] {
  if (process.ready || process.draining) return []
  const isBacked = alive.some(({ id, role, ready }) => id !== process.id && role !== 'receiver' && ready)
  const isHarmless =
    process.role === 'receiver' || (process.role === 'node' && process.sockets === 0 && isBacked)
  const reasons = process.reasons.length === 0 ? 'it gives no reason' : process.reasons.join('; ')
  const message = `it is not ready: ${reasons}`
  return [problem('PROCESS_NOT_READY', isHarmless ? 'warning' : 'critical', message, process.id)]
}

function memory({ id, memory: state }: ProcessState): FoundProblem[] {
  if (state === undefined || state.pressedMs < MEMORY_PRESSED_MS) return []
  const [waiting, budget] = [state.waitingBytes, state.budgetBytes].map((bytes) => Math.ceil(bytes / 2 ** 20))
  const message = `for ${inSeconds(state.pressedMs)} it has refused sockets and sent the slowest away, because ${waiting} MiB wait for slow peers: MEMORY_BUDGET_MB is ${budget}. Raise it, or start another node`
  return [problem('MEMORY_USED_UP', 'warning', message, id)]
}

/** What waits for the app's backend is safe on disk, and told late. */
function relay({ id, relay: state }: ProcessState): FoundProblem[] {
  if (state === undefined) return []
  const { requests, ageMs, isDown } = state
  const waiting =
    requests === 0 ? 'nothing waits for it' : `${webhooks(requests)}, the oldest for ${inSeconds(ageMs)}`
  const warning = (code: ProblemCode, what: string): FoundProblem[] => [
    problem(code, 'warning', `the backend at RELAY_URL ${what}; ${waiting}`, id),
  ]
  if (isDown) return warning('BACKEND_DOWN', 'does not answer')
  return ageMs > RELAY_WAITING_MS ? warning('RELAY_WAITING', 'does not take all webhooks') : []
}

function quarantine({ id, quarantined = 0 }: ProcessState): FoundProblem[] {
  if (quarantined === 0) return []
  const message = `requests in its quarantine: ${quarantined}. /v1/quarantine and the command quarantine show, retry and drop them`
  return [problem('QUARANTINE_NOT_EMPTY', 'warning', message, id)]
}

function sharedDataFolders({ alive }: HealthView, nowMs: number): FoundProblem[] {
  const byFolder = new Map<string, ProcessState[]>()
  for (const process of alive)
    if (process.dataFolder !== undefined)
      byFolder.set(process.dataFolder, [...(byFolder.get(process.dataFolder) ?? []), process])
  return [...byFolder.values()].flatMap((processes) => {
    const startedAtMs = Math.max(...processes.map((process) => process.startedAtMs))
    if (processes.length < 2 || nowMs - startedAtMs < TAKEOVER_MS) return []
    const message = `${processes.length} processes use one data folder, or copies of one: give each its own, or recalls on disk can be lost`
    return [problem('DATA_FOLDER_SHARED', 'critical', message, processes[0]?.id)]
  })
}

function goneProcesses({ gone }: HealthView): FoundProblem[] {
  return gone.flatMap(({ id, role, host = '', stopping, spool: depth }) => {
    const recallsLeft = depth?.recalls ?? 0
    if (stopping && recallsLeft === 0) return []
    const how = stopping ? 'has stopped' : 'has vanished without a goodbye'
    const left = `and ${recalls(recallsLeft)} on its disk: start it again on the same data folder`
    const who = nameOf(role, host)
    const message =
      recallsLeft > 0
        ? `${who} ${how}, ${left}`
        : `${who} ${how}: see whether it was killed, or has lost Redis`
    return [problem('PROCESS_GONE', recallsLeft > 0 ? 'critical' : 'warning', message, id)]
  })
}

/** Its id tells nobody where it ran. */
const nameOf = (role: ProcessState['role'], host: string): string =>
  `a process with ROLE=${role}${host === '' ? '' : ` on ${host}`}`

/** A process that nobody remembers but by its data folder: see `DataFolders`. */
function forgottenFolders({ left = [] }: HealthView, nowMs: number): FoundProblem[] {
  return left.map(({ id, role, host, folder, recalls: count, atMs }) => {
    const who = nameOf(role, host)
    const what =
      count > 0
        ? `has gone, and ${recalls(count)} on its disk`
        : 'has vanished, and recalls may be on its disk'
    const since = `it was last noted ${inDays(nowMs - atMs)} ago`
    const message = `${who} ${what}; ${since}: start it again on its data folder ${folder}, or say that the folder is lost (DELETE /v1/left-folders)`
    return problem('PROCESS_GONE', count > 0 ? 'critical' : 'warning', message, id)
  })
}

/** What several processes warn of is one problem. */
function brokerWarnings({ alive }: HealthView): FoundProblem[] {
  const idsOf = new Map<string, string[]>()
  for (const { id, warnings } of alive)
    for (const warning of warnings) idsOf.set(warning, [...(idsOf.get(warning) ?? []), id])
  return [...idsOf].map(([warning, ids]) =>
    problem('BROKER_WARNING', 'warning', warning, ids.length === 1 ? ids[0] : undefined),
  )
}

const problem = (
  code: ProblemCode,
  severity: Problem['severity'],
  message: string,
  processId?: string,
): FoundProblem => ({ severity, code, message, ...(processId !== undefined && { processId }) })

const inDays = (ms: number): string =>
  ms < 2 * 3_600_000
    ? `${Math.round(ms / 60_000)} min`
    : ms < 2 * 86_400_000
      ? `${Math.round(ms / 3_600_000)} h`
      : `${Math.round(ms / 86_400_000)} days`

const inSeconds = (ms: number): string => `${Math.round(ms / 1_000)} s`

const webhooks = (count: number): string =>
  count === 1 ? '1 webhook waits for it' : `${count} webhooks wait for it`

const recalls = (count: number): string => (count === 1 ? '1 recall waits' : `${count} recalls wait`)
