import { setTimeout as delay } from 'node:timers/promises'
import { GatewayError } from '../../shared/errors.ts'
import type { GoneProcess, ProcessState } from '../../shared/http-api.ts'
import type { DataFolders } from './data-folders.ts'
import { leftFolders } from './folder-notes.ts'
import type { DatedNote, LeftFolder } from './folder-notes.ts'
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
  /** See `Processes`. */
  readonly unread: readonly string[]
  readonly problems: readonly FoundProblem[]
}

interface OverviewDependencies {
  readonly own: OwnState
  readonly readHeartbeats: ReadHeartbeats
  /** Why the broker does not work, without hosts, users or secrets. */
  readonly reasons: () => readonly string[]
  /** Undefined where no other process can exist. */
  readonly folders?: DataFolders | undefined
}

/** Tells how this process is, which it knows by itself, and how the app is, for which it asks the broker. */
export function createOverview({ own, readHeartbeats, reasons, folders }: OverviewDependencies) {
  const ownState = (): ProcessState => ({ id: own.id, reportedAtMs: Date.now(), ...own.read() })

  async function others(timeoutMs?: number): Promise<Processes & { readonly incomplete?: string }> {
    try {
      const { alive, gone, unread } = sortProcesses(await inTime(readHeartbeats(), timeoutMs), Date.now())
      const isOther = (id: string): boolean => id !== own.id
      return { alive: alive.filter(({ id }) => isOther(id)), gone, unread: unread.filter(isOther) }
    } catch (error) {
      const [reason = error instanceof GatewayError ? error.message : 'the broker does not reply'] = reasons()
      return { alive: [], gone: [], unread: [], incomplete: reason }
    }
  }

  /** Heartbeats tell what is most urgent: while notes cannot be read, the overview is not incomplete. */
  async function readNotes(timeoutMs?: number): Promise<ReadonlyMap<string, DatedNote>> {
    try {
      return folders === undefined ? new Map() : await inTime(folders.read(), timeoutMs)
    } catch {
      return folders?.latest ?? new Map()
    }
  }

  return {
    /** The problems of this process alone. */
    ownProblems(): readonly FoundProblem[] {
      return ownProblemsOf(ownState())
    },

    /** Asks for the others, within about a second, or at most this long. Never rejects. */
    async read(timeoutMs?: number): Promise<Overview> {
      // At the same time: `timeoutMs` is for both.
      const [{ alive: rest, gone, unread, incomplete }, notes] = await Promise.all([
        others(timeoutMs),
        readNotes(timeoutMs),
      ])
      const alive = [ownState(), ...rest]
      // Who is alive is not known otherwise.
      const left = incomplete === undefined ? leftFolders(notes, [...alive, ...gone], Date.now()) : []
      if (incomplete === undefined) void folders?.noteGone(gone)
      void folders?.renew(left)
      const missed = gone.filter(({ id, dataFolder = '' }) => {
        const note = notes.get(dataFolder)
        return note?.id !== id || note.what !== 'closed'
      })
      const problems = problemsOf({ alive, gone: missed, unread, incomplete, left }, Date.now())
      return {
        self: own.id,
        processes: alive,
        gone: [...gone.map(toGone), ...left.map(toForgotten)],
        incomplete,
        unread,
        problems,
      }
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

const toGone = ({
  id,
  role,
  host,
  startedAtMs,
  reportedAtMs,
  stopping,
  spool,
  dataFolder,
}: LastState): GoneProcess => ({
  id,
  role,
  ...(host !== undefined && { host }),
  startedAtMs,
  lastReportAtMs: reportedAtMs,
  stopped: stopping === true,
  spooledRecalls: spool?.recalls ?? 0,
  ...(dataFolder !== undefined && { dataFolder }),
})

const toForgotten = ({
  id,
  role,
  host,
  startedAtMs,
  atMs,
  what,
  recalls,
  folder,
}: LeftFolder): GoneProcess => ({
  id,
  role,
  ...(host !== '' && { host }),
  startedAtMs,
  lastReportAtMs: atMs,
  stopped: false,
  spooledRecalls: what === 'left' ? recalls : 0,
  dataFolder: folder,
})
