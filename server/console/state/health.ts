import type { StatusResponse } from '../../../shared/http-api.ts'
import { asApiError } from './api.ts'
import type { Api, ApiError } from './api.ts'

const POLL_INTERVAL_MS = 2_000
/** Asked again with the same token, these count against the address, and in the end shut out all who share it. */
const FINAL_CODES = ['TOKEN_REFUSED', 'USER_DISCONNECTED', 'TOO_MANY_FAILURES', 'ADMIN_NEEDED']
/** Fewer in a tab that nobody sees, where browsers let timers run once a minute. */
const SAMPLE_WINDOW_MS = 300_000

/** How all processes together were at one time; undefined where it is not known. */
export interface Sample {
  readonly atMs: number
  readonly rate: Rate | undefined
  readonly p50Ms: number | undefined
  readonly p99Ms: number | undefined
}

/** How the gateway is, asked again and again for as long as the page is open. For admins. */
export class Health {
  status: StatusResponse | undefined
  /** When `status` was answered. */
  updatedAtMs = 0
  /** Why it is not known now. */
  failure: ApiError | undefined
  samples: readonly Sample[] = []
  readonly #api: Api
  readonly #onChange: () => void
  #rates = new Rates()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(api: Api, onChange: () => void) {
    this.#api = api
    this.#onChange = onChange
    void this.#poll()
  }

  /** Asks now, with a new token perhaps. */
  pollNow(): void {
    void this.#poll()
  }

  /** Goes on after a refusal, now that the gateway has let the page in again. */
  resume(): void {
    if (this.#timer === undefined && this.failure !== undefined) this.#schedulePoll()
  }

  async #poll(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    try {
      this.status = await this.#api.status()
      this.updatedAtMs = Date.now()
      this.failure = undefined
    } catch (error) {
      this.failure = asApiError(error)
    }
    this.#addSample()
    if (!FINAL_CODES.includes(this.failure?.code ?? '')) this.#schedulePoll()
    this.#onChange()
  }

  #schedulePoll(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#poll(), POLL_INTERVAL_MS)
  }

  /** A failure is a sample too: the charts have a hole there, instead of a line that nobody measured. */
  #addSample(): void {
    const nodes = this.failure === undefined ? (this.status?.nodes ?? []) : []
    const slowest = (quantile: 'p50' | 'p99'): number | undefined => {
      const known = nodes.flatMap(({ latencyMs }) => latencyMs[quantile] ?? [])
      return known.length === 0 ? undefined : Math.max(...known)
    }
    const sample = {
      atMs: Date.now(),
      rate: this.#rates.next(nodes),
      p50Ms: slowest('p50'),
      p99Ms: slowest('p99'),
    }
    const fromMs = sample.atMs - SAMPLE_WINDOW_MS
    this.samples = [...this.samples.filter(({ atMs }) => atMs > fromMs), sample]
  }
}

/** What a process tells again and again; counts are since its start. */
export interface Heartbeat {
  readonly id: string
  readonly reportedAtMs: number
  readonly counts: { readonly kept: number; readonly delivered: number }
}

export interface Rate {
  readonly recallsPerSecond: number
  readonly deliveriesPerSecond: number
}

interface HeartbeatRate {
  readonly told: Heartbeat
  readonly rate: Rate | undefined
}

/** Half of the time between two reports: two answers nearer than that hold the same report, read twice. */
const MIN_HEARTBEAT_INTERVAL_MS = 1_000

/** Makes rates out of counts. */
export class Rates {
  #latest = new Map<string, HeartbeatRate>()

  /** All processes together; undefined until two reports of one are known. */
  next(processes: readonly Heartbeat[]): Rate | undefined {
    this.#latest = new Map(processes.map((told) => [told.id, this.#update(told)]))
    const rates = [...this.#latest.values()].flatMap(({ rate }) => rate ?? [])
    if (rates.length === 0) return undefined
    return {
      recallsPerSecond: rates.reduce((sum, { recallsPerSecond }) => sum + recallsPerSecond, 0),
      deliveriesPerSecond: rates.reduce((sum, { deliveriesPerSecond }) => sum + deliveriesPerSecond, 0),
    }
  }

  #update(told: Heartbeat): HeartbeatRate {
    const known = this.#latest.get(told.id)
    if (known === undefined) return { told, rate: undefined }
    const apartMs = told.reportedAtMs - known.told.reportedAtMs
    if (apartMs < MIN_HEARTBEAT_INTERVAL_MS) return known
    const perS = (name: 'kept' | 'delivered'): number =>
      Math.max(0, ((told.counts[name] - known.told.counts[name]) * 1_000) / apartMs)
    return { told, rate: { recallsPerSecond: perS('kept'), deliveriesPerSecond: perS('delivered') } }
  }
}
