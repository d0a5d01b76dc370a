import { readFileSync, writeFileSync } from 'node:fs'

/** Clock ticks of the kernel per second, the same on every Linux that Node supports. */
const TICKS_PER_S = 100

/** Returns the CPU time of all threads of a process, in s, with a resolution of 10 ms. */
export function cpuOf(pid: number): { readonly userS: number; readonly systemS: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  // The process name before it may contain spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { userS: Number(fields[11]) / TICKS_PER_S, systemS: Number(fields[12]) / TICKS_PER_S }
}

/** Returns the resident memory of a process, in bytes. */
export const memoryOf = (pid: number): number => statusBytesOf(pid, 'VmRSS')

/** Returns the largest resident memory of a process since it started, or since `resetPeakMemory`, in bytes. */
export const peakMemoryOf = (pid: number): number => statusBytesOf(pid, 'VmHWM')

export const resetPeakMemory = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, '5')

function statusBytesOf(pid: number, name: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024
}

/** Returns the number of write system calls of a process so far, to sockets or anything else. */
export function writesOf(pid: number): number {
  return Number(/^syscw: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'latin1'))?.[1])
}

/** Returns how often the main thread of a process has waited for something to happen, and was woken. */
export function wakeUpsOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  return Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status)?.[1])
}

/**
 * The gateway reserves 1,000 for what is no connection, and from 512 connections before the end on, closes those without a
 * request.
 */
const OTHER_FILES = 1_600
/** As many as tables of this project go to, or as a process may have open. */
export const MAX_SOCKETS = Math.min(20_000, maxOpenFiles() - OTHER_FILES)

function maxOpenFiles(): number {
  const limit = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
  return limit === 'unlimited' ? Infinity : Number(limit)
}

/** Returns for how long the main thread of a process was ready to run, and got no CPU, in ms: what other processes cost it. */
export function starvedMsOf(pid: number): number {
  const [, waitedNs] = readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')
  return Number(waitedNs) / 1e6
}
