import { HISTORY_INTERVAL_MS, HISTORY_MS } from '../../../shared/http-api/health-history.ts'
import type { HealthMark, HealthSample, ProcessHistory } from '../../../shared/http-api/health-history.ts'
import type { Sample } from './health.ts'

/** For so long, each sample that the page takes is shown; of older ones, one for each interval of the gateway's. */
const FINE_MS = 300_000
/** What happened to a process, by the gateway's clock. */
export interface ShownMark extends HealthMark {
  readonly host: string
  readonly role: ProcessHistory['role']
  readonly processId: string
}

/**
 * Adds up the histories of all processes to samples as the page takes them. `aheadMs`: of the viewer's clock before the gateway's.
 * Intervals of which no process tells are holes.
 */
export function samplesOf(processes: readonly ProcessHistory[], aheadMs: number): Sample[] {
  const slots = new Map<number, HealthSample[]>()
  for (const { samples } of processes)
    for (const [slot, sample] of slotsOf(samples)) slots.set(slot, [...(slots.get(slot) ?? []), sample])
  const known = [...slots.keys()].toSorted((one, other) => one - other)
  const [first = 0] = known
  const count = Math.min((known.at(-1) ?? first) - first + 1, HISTORY_MS / HISTORY_INTERVAL_MS + 1)
  if (known.length === 0) return []
  return Array.from({ length: count }, (_, i) => ({
    atMs: (first + i + 1) * HISTORY_INTERVAL_MS + aheadMs,
    ...together(slots.get(first + i) ?? []),
  }))
}

/**
 * The interval of each sample of a process, counted from its first one. By the clock alone, timers that fire a bit early or late would
 * put two into one interval and none into the next: a peak of twice the sockets, and a dip, of which nothing is true.
 */
function slotsOf(samples: readonly HealthSample[]): ReadonlyMap<number, HealthSample> {
  const firstMs = samples[0]?.atMs ?? 0
  const first = Math.floor(firstMs / HISTORY_INTERVAL_MS)
  return new Map(
    samples.map((sample) => [first + Math.round((sample.atMs - firstMs) / HISTORY_INTERVAL_MS), sample]),
  )
}

/** What processes tell of the same interval: their sum, or what is the worst of them. */
function together(samples: readonly HealthSample[]): Omit<Sample, 'atMs'> {
  const valuesOf = (name: keyof HealthSample): number[] => samples.flatMap((sample) => sample[name] ?? [])
  const sum = (name: keyof HealthSample): number | undefined => {
    const values = valuesOf(name)
    return values.length === 0 ? undefined : values.reduce((all, value) => all + value, 0)
  }
  const max = (name: keyof HealthSample): number | undefined => {
    const values = valuesOf(name)
    return values.length === 0 ? undefined : Math.max(...values)
  }
  const recallsPerSecond = sum('recallsPerSecond')
  return {
    rate:
      recallsPerSecond === undefined
        ? undefined
        : { recallsPerSecond, deliveriesPerSecond: sum('deliveriesPerSecond') ?? 0 },
    p50Ms: max('p50Ms'),
    p99Ms: max('p99Ms'),
    sockets: sum('sockets'),
    spooled: sum('spooled'),
    probeAgeMs: max('probeAgeMs'),
    busy: max('busy'),
  }
}

/** Puts the gateway's samples before those of the page, which know better. */
export function withHistory(history: readonly Sample[], own: readonly Sample[]): Sample[] {
  const fromMs = own[0]?.atMs ?? Infinity
  const before = history.filter(({ atMs }) => atMs < fromMs)
  // The page knows no rate before its second sample: that would be a hole in the line.
  return [...before, ...(before.length > 0 && own[0]?.rate === undefined ? own.slice(1) : own)]
}

/** Adds a sample of the page; the oldest go, and of those before the last minutes only some stay. */
export function withSample(samples: readonly Sample[], sample: Sample): Sample[] {
  const kept: Sample[] = []
  for (const one of samples) {
    const ageMs = sample.atMs - one.atMs
    if (ageMs >= HISTORY_MS) continue
    const last = kept.at(-1)
    const isDense = last !== undefined && one.atMs - last.atMs < HISTORY_INTERVAL_MS - 1_000
    // A hole stays one: it is told by an unknown value.
    if (ageMs > FINE_MS && isDense && one.rate !== undefined) continue
    kept.push(one)
  }
  return [...kept, sample]
}

/** What happened to all processes, the latest first. */
export const marksOf = (processes: readonly ProcessHistory[]): ShownMark[] =>
  processes
    .flatMap(({ id, host, role, marks }) => marks.map((mark) => ({ ...mark, processId: id, host, role })))
    .toSorted((one, other) => other.atMs - one.atMs)
