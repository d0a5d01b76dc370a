import { setImmediate as turn } from 'node:timers/promises'
import { reasonOf } from '../../shared/errors.ts'
import type {
  HealthHistoryResponse,
  HealthMark,
  HealthSample,
  ProcessHistory,
} from '../../shared/http-api/health-history.ts'
import { HISTORY_INTERVAL_MS, HISTORY_MS } from '../../shared/http-api/health-history.ts'
import { decodeHistory, encodeHistory, MAX_MARKS_IN_RECORD, MAX_SAMPLES_IN_RECORD } from './history-record.ts'
import type { HeartbeatState } from './heartbeat-state.ts'

/** Samples in a record: the more, the fewer records; but what is not stored yet, other processes cannot show. */
const SAMPLES_PER_RECORD = 3
const MAX_OWN_SAMPLES = HISTORY_MS / HISTORY_INTERVAL_MS
const MAX_OWN_MARKS = 200
/** Of all processes, in one response: about half a megabyte. Of more, only each second or third is told, and so on. */
const MAX_SAMPLES_TOLD = 7_200
const RECORDS_PER_PAGE = 1_000
const MAX_PAGES = 6
/** Decoded in one turn of the event loop: some milliseconds. */
const RECORDS_PER_TURN = 200

type HistoryRead = Omit<HealthHistoryResponse, 'ok'>

interface Records {
  record(name: 'health', text: string): Promise<void>
  records(
    name: 'health',
    page: { readonly before?: string; readonly limit: number },
  ): Promise<{
    readonly records: readonly { readonly id: string; readonly atMs: number; readonly text: string }[]
  }>
}

interface HistoryDependencies {
  readonly process: Pick<ProcessHistory, 'id' | 'host' | 'role'>
  readonly broker: Records
  readonly read: () => HeartbeatState
  /** Gaps that its sockets were sent since it started. */
  readonly gaps: () => number
  /** Time in which the event loop was busy, and resident memory. */
  readonly load: () => { readonly busyMs: number; readonly memoryMb: number }
}

/**
 * Takes a sample of this process every ten seconds, and stores an hour of them where all processes can read them. While they cannot be
 * stored, they wait in memory.
 */
export class HealthHistory {
  readonly #deps: HistoryDependencies
  #samples: readonly HealthSample[] = []
  #marks: readonly HealthMark[] = []
  /** Those of them that are not stored yet. */
  #waiting: readonly HealthSample[] = []
  #storedMarks = 0
  #before:
    | { readonly atMs: number; readonly kept: number; readonly delivered: number; readonly busyMs: number }
    | undefined
  #isSpooling = false
  #isInDoubt = false
  #gaps = 0
  #storing: Promise<void> | undefined
  #reading: Promise<HistoryRead> | undefined
  readonly #timer: ReturnType<typeof setInterval>

  constructor(deps: HistoryDependencies) {
    this.#deps = deps
    this.#mark('start')
    this.#sample()
    void this.#store()
    this.#timer = setInterval(() => this.#tick(), HISTORY_INTERVAL_MS)
    this.#timer.unref()
  }

  /** Stores what is left. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#sample()
    this.#mark('stop')
    await this.#storing
    await this.#store()
  }

  /** Those who ask meanwhile get the same: every open console asks, and an hour of all processes is much to read. Never rejects. */
  read(): Promise<HistoryRead> {
    return (this.#reading ??= this.#readAll().finally(() => (this.#reading = undefined)))
  }

  async #readAll(): Promise<HistoryRead> {
    const own: ProcessHistory = { ...this.#deps.process, samples: this.#samples, marks: this.#marks }
    try {
      return { processes: thinned(merged([...(await this.#stored()), own])) }
    } catch (error) {
      return { processes: [own], incomplete: reasonOf(error) }
    }
  }

  #tick(): void {
    this.#sample()
    if (this.#waiting.length >= SAMPLES_PER_RECORD || this.#marks.length > this.#storedMarks)
      void this.#store()
  }

  #mark(what: HealthMark['what']): void {
    this.#marks = [...this.#marks, { atMs: Date.now(), what }]
    if (this.#marks.length <= MAX_OWN_MARKS) return
    this.#marks = this.#marks.slice(1)
    this.#storedMarks = Math.max(0, this.#storedMarks - 1)
  }

  #sample(): void {
    const { counts, latencyMs, sockets, spool, probeAgeMs, delivery } = this.#deps.read()
    const { busyMs, memoryMb } = this.#deps.load()
    const now = { atMs: Date.now(), kept: counts.kept, delivered: counts.delivered, busyMs }
    const before = this.#before
    this.#before = now
    const elapsedMs = now.atMs - (before?.atMs ?? now.atMs)
    const per = (difference: number): number | null =>
      elapsedMs > 0 ? rounded(Math.max(0, difference) / (elapsedMs / 1_000)) : null
    const sample: HealthSample = {
      atMs: now.atMs,
      recallsPerSecond: per(now.kept - (before?.kept ?? 0)),
      deliveriesPerSecond: per(now.delivered - (before?.delivered ?? 0)),
      p50Ms: latencyMs.p50 === null ? null : rounded(latencyMs.p50),
      p99Ms: latencyMs.p99 === null ? null : rounded(latencyMs.p99),
      sockets,
      spooled: spool?.recalls ?? 0,
      probeAgeMs: Math.round(probeAgeMs),
      busy: Math.min(1, (per(busyMs - (before?.busyMs ?? busyMs)) ?? 0) / 1_000),
      memoryMb: Math.round(memoryMb),
    }
    this.#samples = [...this.#samples, sample].slice(-MAX_OWN_SAMPLES)
    this.#waiting = [...this.#waiting, sample].slice(-MAX_OWN_SAMPLES)
    this.#isSpooling = this.#turn('spool', this.#isSpooling, sample.spooled > 0)
    this.#isInDoubt = this.#turn('doubt', this.#isInDoubt, delivery?.proved === false)
    const gaps = this.#deps.gaps()
    if (gaps > this.#gaps) this.#mark('gap')
    this.#gaps = gaps
  }

  #turn(what: 'spool' | 'doubt', was: boolean, is: boolean): boolean {
    if (was !== is) this.#mark(is ? what : `${what}-end`)
    return is
  }

  /** One at a time; what could not be stored waits for the next time. */
  #store(): Promise<void> {
    this.#storing ??= this.#storeWaiting()
      .catch(() => undefined)
      .finally(() => (this.#storing = undefined))
    return this.#storing
  }

  async #storeWaiting(): Promise<void> {
    for (;;) {
      const samples = this.#waiting.slice(0, MAX_SAMPLES_IN_RECORD)
      const marks = this.#marks.slice(this.#storedMarks, this.#storedMarks + MAX_MARKS_IN_RECORD)
      if (samples.length + marks.length === 0) return
      await this.#deps.broker.record('health', encodeHistory({ ...this.#deps.process, samples, marks }))
      this.#waiting = this.#waiting.filter((sample) => !samples.includes(sample))
      this.#storedMarks += marks.length
    }
  }

  async #stored(): Promise<ProcessHistory[]> {
    const found: ProcessHistory[] = []
    let before: string | undefined
    for (let page = 0; page < MAX_PAGES; page++) {
      const { records } = await this.#deps.broker.records('health', {
        limit: RECORDS_PER_PAGE,
        ...(before !== undefined && { before }),
      })
      for (let i = 0; i < records.length; i += RECORDS_PER_TURN) {
        if (i > 0) await turn()
        const part = records.slice(i, i + RECORDS_PER_TURN)
        found.push(...part.flatMap(({ text }) => decodeHistory(text) ?? []))
      }
      before = records.at(-1)?.id
      if (records.length < RECORDS_PER_PAGE) break
    }
    return found
  }
}

const rounded = (value: number): number => Math.round(value * 100) / 100

/** Joins the parts of each process, in order, each sample and mark once, of the last hour. */
function merged(parts: readonly ProcessHistory[]): ProcessHistory[] {
  const nowMs = Date.now()
  // Of a process whose clock is wrong by more, nothing could be shown beside the others.
  const isRecent = ({ atMs }: { readonly atMs: number }): boolean => Math.abs(nowMs - atMs) < HISTORY_MS
  const byId = new Map<
    string,
    { process: ProcessHistory; samples: Map<number, HealthSample>; marks: Map<string, HealthMark> }
  >()
  for (const process of parts) {
    const known = byId.get(process.id) ?? { process, samples: new Map(), marks: new Map() }
    byId.set(process.id, known)
    for (const sample of process.samples) if (isRecent(sample)) known.samples.set(sample.atMs, sample)
    for (const mark of process.marks) if (isRecent(mark)) known.marks.set(`${mark.atMs} ${mark.what}`, mark)
  }
  const inOrder = (one: { readonly atMs: number }, other: { readonly atMs: number }): number =>
    one.atMs - other.atMs
  return [...byId.values()]
    .filter(({ samples, marks }) => samples.size + marks.size > 0)
    .map(({ process: { id, host, role }, samples, marks }) => ({
      id,
      host,
      role,
      samples: [...samples.values()].toSorted(inOrder),
      marks: [...marks.values()].toSorted(inOrder),
    }))
}

function thinned(processes: readonly ProcessHistory[]): ProcessHistory[] {
  const step = Math.ceil(processes.reduce((sum, { samples }) => sum + samples.length, 0) / MAX_SAMPLES_TOLD)
  return processes.map((process) => ({
    ...process,
    samples: process.samples.filter((_, i) => (process.samples.length - 1 - i) % Math.max(1, step) === 0),
  }))
}
