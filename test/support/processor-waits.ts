import { readFileSync } from 'node:fs'

const SAMPLE_INTERVAL_MS = 100

/** How long the main thread of a process was ready to run and waited for a processor, in ms. Source: Linux, sched-stats. */
function waitedMs(pid: number): number {
  try {
    const [, nanoseconds] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')
    return Number(nanoseconds) / 1e6
  } catch {
    // It has ended, or this system does not tell.
    return 0
  }
}

/**
 * Measures how long processes wait for a processor, so that a busy machine is not taken for a slow program. `pids` returns those
 * that run now, beside this one.
 */
export function watchProcessorWaits(pids: () => readonly number[]) {
  const latest = new Map<number, number>()
  const samples: { readonly atMs: number; readonly totalMs: number }[] = []
  let totalMs = 0
  const sample = (): void => {
    for (const pid of [process.pid, ...pids()]) {
      const waited = waitedMs(pid)
      totalMs += Math.max(0, waited - (latest.get(pid) ?? waited))
      latest.set(pid, waited)
    }
    samples.push({ atMs: performance.now(), totalMs })
  }
  const timer = setInterval(sample, SAMPLE_INTERVAL_MS)
  sample()

  const until = (atMs: number): number => samples.findLast((one) => one.atMs <= atMs)?.totalMs ?? 0
  const after = (atMs: number): number => samples.find((one) => one.atMs >= atMs)?.totalMs ?? totalMs
  return {
    /** What all of them waited between two times, in ms, added up. */
    between: (fromMs: number, toMs: number): number => after(toMs) - until(fromMs),
    stop: () => clearInterval(timer),
  }
}
