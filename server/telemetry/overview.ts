import { setTimeout as delay } from 'node:timers/promises'
import { GatewayError } from '../../shared/errors.ts'
import type { GoneProcess, ProcessState } from '../../shared/http-api.ts'
import { ownProblemsOf, problemsOf } from './health-rules.ts'
import type { FoundProblem } from './health-rules.ts'
import type { ReadHeartbeats } from './heartbeat-reader.ts'
import type { OwnState } from './own-state.ts'
import { sortProcesses } from './processes.ts'
import type { LastState, Processes } from './processes.ts'

/** All processes as this one sees them. */
export interface Overview {
  /** This process. */
  readonly self: string
  readonly processes: readonly ProcessState[]
  readonly gone: readonly GoneProcess[]
  /** Why the others could not be asked: `processes` holds only this one. */
  readonly incomplete: string | undefined
  readonly problems: readonly FoundProblem[]
}

interface OverviewDependencies {
  readonly own: OwnState
  readonly readHeartbeats: ReadHeartbeats
  /** Why the broker does not work, without hosts, users or secrets. */
  readonly reasons: () => readonly string[]
}

/** Tells how this process is, which it knows by itself, and how the app is, for which it asks the broker. */
export function createOverview({ own, readHeartbeats, reasons }: OverviewDependencies) {
  const ownState = (): ProcessState => ({ id: own.id, reportedAtMs: Date.now(), ...own.read() })

  async function others(timeoutMs?: number): Promise<Processes & { readonly incomplete?: string }> {
    try {
      const { alive, gone } = sortProcesses(await inTime(readHeartbeats(), timeoutMs), Date.now())
      return { alive: alive.filter(({ id }) => id !== own.id), gone }
    } catch (error) {
      const [reason = error instanceof GatewayError ? error.message : 'the broker does not reply'] = reasons()
      return { alive: [], gone: [], incomplete: reason }
    }
  }

  return {
    /** The problems of this process alone. */
    ownProblems(): readonly FoundProblem[] {
      return ownProblemsOf(ownState())
    },

    /** Asks for the others, within about a second, or at most this long. Never rejects. */
    async read(timeoutMs?: number): Promise<Overview> {
      const { alive: rest, gone, incomplete } = await others(timeoutMs)
      const alive = [ownState(), ...rest]
      const problems = problemsOf({ alive, gone, incomplete }, Date.now())
      return { self: own.id, processes: alive, gone: gone.map(toGone), incomplete, problems }
    },
  }
}

/** Settles like `promise`, or rejects when that takes longer. */
async function inTime<T>(promise: Promise<T>, timeoutMs: number | undefined): Promise<T> {
  if (timeoutMs === undefined) return await promise
  const ended = new AbortController()
  const tooLate = delay(timeoutMs, undefined, { signal: ended.signal }).then(() => {
    throw new Error(`no reply in ${timeoutMs} ms`)
  })
  try {
    return await Promise.race([promise, tooLate])
  } finally {
    ended.abort()
    tooLate.catch(() => undefined)
  }
}

export type ReadOverview = ReturnType<typeof createOverview>['read']

const toGone = ({ id, role, startedAtMs, reportedAtMs, stopping, spool }: LastState): GoneProcess => ({
  id,
  role,
  startedAtMs,
  lastReportAtMs: reportedAtMs,
  stopped: stopping === true,
  spooledRecalls: spool?.recalls ?? 0,
})
