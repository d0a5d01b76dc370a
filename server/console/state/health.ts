import type { Problem, ProcessState, StatusResponse } from '../../../shared/http-api.ts'
import { ApiError, asApiError } from './api.ts'
import type { Api } from './api.ts'
import { marksOf, samplesOf, withHistory, withSample } from './history-samples.ts'
import type { ShownMark } from './history-samples.ts'

const POLL_INTERVAL_MS = 2_000
/**
 * Polling stops after these: the page has no other token until a person enters one. Repeated with the same, an invalid one
 * counts against the client's address and eventually blocks everyone behind it.
 */
const FINAL_CODES = ['TOKEN_REFUSED', 'TOKEN_EXPIRED', 'USER_DISCONNECTED', 'ADMIN_NEEDED']
/** For a minute, nobody at the viewer's address gets an answer, whoever has guessed there. */
const BLOCKED = 'TOO_MANY_FAILURES'
/** Far fewer than the guesses that block an address. */
const BLOCKED_POLL_INTERVAL_MS = 60_000
/** What happened to processes is read again this often: it is no hurry. */
const HISTORY_INTERVAL_POLLS = 15
/** One poll may fail. After this long, or this often, nobody knows whether recalls come in. */
const UNKNOWN_CRITICAL_MS = 10_000
const UNKNOWN_CRITICAL_POLLS = 5
/** The page's own problem: it cannot read the status. */
const STATUS_UNKNOWN = 'STATUS_UNKNOWN'

export interface ShownProblem extends Problem {
  /** Since when the status is unknown, by the gateway's clock. Missing for what the gateway itself reports. */
  readonly sinceMs?: number
  /** The error code of the request that failed; as above. */
  readonly cause?: string
}

/** All processes together at one time. Values that are unknown are undefined. */
export interface Sample {
  readonly atMs: number
  readonly rate: Rate | undefined
  readonly p50Ms: number | undefined
  readonly p99Ms: number | undefined
  readonly sockets: number | undefined
  /** Recalls on the disks of receivers. */
  readonly spooled: number | undefined
  /** The oldest of all processes: how long ago it was proved last that a recall gets through. */
  readonly probeAgeMs: number | undefined
  /** The busiest of all event loops, from 0 to 1. Only processes know, of the last ten seconds; the page takes no sample of it. */
  readonly busy?: number | undefined
}

/** The gateway's status, polled while the page is open. For admins. */
export class Health {
  status: StatusResponse | undefined
  /** When `status` was read, by the gateway's clock. */
  updatedAtMs = 0
  /** Why the latest poll failed. */
  failure: ApiError | undefined
  /** What happened to processes within the last hour, the latest first. */
  marks: readonly ShownMark[] = []
  /** The last hour, as processes have kept it, up to half a minute ago. */
  history: readonly Sample[] = []
  /** The last hour, first as the processes kept it. A hidden tab takes fewer: browsers run its timers once a minute. */
  samples: readonly Sample[] = []
  readonly api: Api
  readonly #api: Api
  readonly #onChange: () => void
  #rates = new Rates()
  #timer: ReturnType<typeof setTimeout> | undefined
  #polls = 0
  #hasHistory = false
  /** In a row, the first of which began at `#failingSinceMs`. */
  #failedPolls = 0
  #failingSinceMs = 0

  constructor(api: Api, onChange: () => void) {
    this.api = api
    this.#api = api
    this.#onChange = onChange
    void this.#poll()
  }

  /** How many entries the quarantines of all receivers hold, by the latest status; undefined if none reports. */
  get quarantined(): number | undefined {
    const counts = this.status?.nodes.flatMap(({ quarantined }) => quarantined ?? []) ?? []
    return counts.length === 0 ? undefined : counts.reduce((sum, count) => sum + count, 0)
  }

  /** What needs attention, the worst first: by the latest status, and that there is no later one. */
  get problems(): readonly ShownProblem[] {
    const known = this.status?.problems ?? []
    if (this.failure === undefined) return known
    const unknown = this.#unknown(this.failure)
    const isWorse = ({ severity }: ShownProblem): boolean =>
      unknown.severity === 'warning' && severity === 'critical'
    return [...known.filter(isWorse), unknown, ...known.filter((problem) => !isWorse(problem))]
  }

  /** Polls immediately, for example with a new token. */
  pollNow(): void {
    void this.#poll()
  }

  /** Continues polling after a refusal, once the gateway has accepted the page again. */
  resume(): void {
    if (this.#timer === undefined && this.failure !== undefined) this.#schedulePoll()
  }

  async #poll(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const poll = ++this.#polls
    const beginMs = Date.now()
    const response = await this.#api.status().catch(asApiError)
    // A later poll knows better.
    if (poll !== this.#polls) return
    if (response instanceof ApiError) {
      this.failure = response
      if (this.#failedPolls++ === 0) this.#failingSinceMs = beginMs
    } else {
      this.status = response
      this.updatedAtMs = this.#api.clock.fromViewer(Date.now())
      this.failure = undefined
      this.#failedPolls = 0
    }
    this.#addSample()
    if (this.failure === undefined && poll % HISTORY_INTERVAL_POLLS === 1) void this.#readHistory()
    if (this.failure === undefined || !isFinal(this.failure)) this.#schedulePoll()
    this.#onChange()
  }

  #unknown(failure: ApiError): ShownProblem {
    const isCritical =
      isFinal(failure) ||
      failure.code === BLOCKED ||
      this.#failedPolls >= UNKNOWN_CRITICAL_POLLS ||
      Date.now() - this.#failingSinceMs >= UNKNOWN_CRITICAL_MS
    return {
      severity: isCritical ? 'critical' : 'warning',
      code: STATUS_UNKNOWN,
      message: failure.message,
      cause: failure.code,
      sinceMs: this.#api.clock.fromViewer(this.#failingSinceMs),
    }
  }

  #schedulePoll(): void {
    clearTimeout(this.#timer)
    const intervalMs = this.failure?.code === BLOCKED ? BLOCKED_POLL_INTERVAL_MS : POLL_INTERVAL_MS
    this.#timer = setTimeout(() => void this.#poll(), intervalMs)
  }

  /** A failure is a sample too: it leaves a hole in the charts rather than a line nobody measured. */
  #addSample(): void {
    const processes = this.failure === undefined ? (this.status?.nodes ?? []) : []
    const slowest = (quantile: 'p50' | 'p99'): number | undefined => {
      const known = processes.flatMap(({ latencyMs }) => latencyMs[quantile] ?? [])
      return known.length === 0 ? undefined : Math.max(...known)
    }
    const sample = {
      atMs: Date.now(),
      rate: this.#rates.next(processes),
      p50Ms: slowest('p50'),
      p99Ms: slowest('p99'),
      ...this.#state(processes),
    }
    this.samples = withSample(this.samples, sample)
  }

  #state(processes: readonly ProcessState[]): Pick<Sample, 'sockets' | 'spooled' | 'probeAgeMs'> {
    if (processes.length === 0) return { sockets: undefined, spooled: undefined, probeAgeMs: undefined }
    const left = this.status?.gone ?? []
    return {
      sockets: processes.reduce((sum, { sockets }) => sum + sockets, 0),
      spooled:
        processes.reduce((sum, { spool }) => sum + (spool?.recalls ?? 0), 0) +
        left.reduce((sum, { spooledRecalls }) => sum + spooledRecalls, 0),
      probeAgeMs: Math.max(...processes.map(({ probeAgeMs }) => probeAgeMs)),
    }
  }

  /** The charts begin with what processes kept, so that a reload does not empty them. */
  async #readHistory(): Promise<void> {
    // A node of an earlier version has none.
    const history = await this.#api.healthHistory().catch(() => undefined)
    if (history === undefined) return
    const aheadMs = Date.now() - (this.#api.clock.now() ?? Date.now())
    this.history = samplesOf(history.processes, aheadMs)
    if (!this.#hasHistory) this.samples = withHistory(this.history, this.samples)
    this.#hasHistory = true
    this.marks = marksOf(history.processes)
    this.#onChange()
  }
}

const isFinal = ({ code }: ApiError): boolean => FINAL_CODES.includes(code)

/** What each process reports periodically. Counts run since its start. */
interface Heartbeat {
  readonly id: string
  readonly reportedAtMs: number
  readonly counts: { readonly kept: number; readonly delivered: number }
}

export interface Rate {
  readonly recallsPerSecond: number
  readonly deliveriesPerSecond: number
}

interface HeartbeatRate {
  readonly heartbeat: Heartbeat
  readonly rate: Rate | undefined
}

/** Half the interval between heartbeats: two that are closer are the same heartbeat, read twice. */
const MIN_HEARTBEAT_INTERVAL_MS = 500

/** Processes that are remembered although the latest status does not have them. */
const MAX_ABSENT = 100

/** Computes rates from the counts in heartbeats. */
export class Rates {
  #latest = new Map<string, HeartbeatRate>()

  /** The rate of all processes together; undefined until some process has sent two heartbeats. */
  next(heartbeats: readonly Heartbeat[]): Rate | undefined {
    const latest = heartbeats.map((heartbeat) => [heartbeat.id, this.#update(heartbeat)] as const)
    const rates = latest.flatMap(([, { rate }]) => rate ?? [])
    // Those of which a status that is incomplete says nothing go on counting from where they were.
    const absent = [...this.#latest].filter(([id]) => !latest.some(([present]) => present === id))
    this.#latest = new Map([...absent.slice(-MAX_ABSENT), ...latest])
    if (rates.length === 0) return undefined
    return {
      recallsPerSecond: rates.reduce((sum, { recallsPerSecond }) => sum + recallsPerSecond, 0),
      deliveriesPerSecond: rates.reduce((sum, { deliveriesPerSecond }) => sum + deliveriesPerSecond, 0),
    }
  }

  #update(heartbeat: Heartbeat): HeartbeatRate {
    const previous = this.#latest.get(heartbeat.id)
    const elapsedMs = heartbeat.reportedAtMs - (previous?.heartbeat.reportedAtMs ?? Infinity)
    // The first one, or a clock was set back.
    if (previous === undefined || elapsedMs < 0) return { heartbeat, rate: undefined }
    if (elapsedMs < MIN_HEARTBEAT_INTERVAL_MS) return previous
    const perSecond = (name: 'kept' | 'delivered'): number =>
      Math.max(0, ((heartbeat.counts[name] - previous.heartbeat.counts[name]) * 1_000) / elapsedMs)
    return {
      heartbeat,
      rate: { recallsPerSecond: perSecond('kept'), deliveriesPerSecond: perSecond('delivered') },
    }
  }
}
