import { HISTORY_INTERVAL_MS, HISTORY_MS } from '../../../shared/http-api/health-history.ts'
import type { HealthMark, ProcessHistory } from '../../../shared/http-api/health-history.ts'
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
  const slots = new Map<number, { recalls: number[]; deliveries: number[]; p50: number[]; p99: number[] }>()
  for (const { samples } of processes)
    for (const sample of samples) {
      const slot = Math.floor(sample.atMs / HISTORY_INTERVAL_MS)
      const sums = slots.get(slot) ?? { recalls: [], deliveries: [], p50: [], p99: [] }
      slots.set(slot, sums)
      if (sample.recallsPerSecond !== null) sums.recalls.push(sample.recallsPerSecond)
      if (sample.deliveriesPerSecond !== null) sums.deliveries.push(sample.deliveriesPerSecond)
      if (sample.p50Ms !== null) sums.p50.push(sample.p50Ms)
      if (sample.p99Ms !== null) sums.p99.push(sample.p99Ms)
    }
  const known = [...slots.keys()].toSorted((one, other) => one - other)
  const [first = 0] = known
  const count = Math.min((known.at(-1) ?? first) - first + 1, HISTORY_MS / HISTORY_INTERVAL_MS + 1)
  if (known.length === 0) return []
  return Array.from({ length: count }, (_, i) => {
    const sums = slots.get(first + i)
    const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0)
    const max = (values: readonly number[] = []): number | undefined =>
      values.length === 0 ? undefined : Math.max(...values)
    return {
      atMs: (first + i + 1) * HISTORY_INTERVAL_MS + aheadMs,
      rate:
        sums === undefined || sums.recalls.length === 0
          ? undefined
          : { recallsPerSecond: sum(sums.recalls), deliveriesPerSecond: sum(sums.deliveries) },
      p50Ms: max(sums?.p50),
      p99Ms: max(sums?.p99),
    }
  })
}

/** Puts the gateway's samples before those of the page, which know better. */
export function withHistory(history: readonly Sample[], own: readonly Sample[]): Sample[] {
  const fromMs = own[0]?.atMs ?? Infinity
  return [...history.filter(({ atMs }) => atMs < fromMs), ...own]
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
