import { starvedMsOf } from '../bench/process-usage.ts'

/**
 * Returns a clock, in ms, that stands while this process or one of `pids` is ready to run and gets no processor: a busy machine must not
 * be taken for a slow program. What several of them wait is added up, as if they waited for each other.
 */
export function fairClock(...pids: readonly number[]): () => number {
  return () => [process.pid, ...pids].reduce((ms, pid) => ms - starvedMsOf(pid), performance.now())
}
