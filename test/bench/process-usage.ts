import { readFileSync } from 'node:fs'

/** Ticks of the kernel in a second: the same on every Linux that Node runs on. */
const TICKS_PER_S = 100

/** CPU time of a process with all its threads, user and system, in s; exact to 10 ms. */
export function cpuOf(pid: number): { readonly userS: number; readonly systemS: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  // The name before it may hold spaces and brackets.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { userS: Number(fields[11]) / TICKS_PER_S, systemS: Number(fields[12]) / TICKS_PER_S }
}

/** Memory of a process that is in RAM now, in bytes. */
export function memoryOf(pid: number): number {
  const kB = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
  return Number(kB) * 1024
}

/** System calls of a process so far that wrote something, to a socket or anywhere else. */
export function writesOf(pid: number): number {
  return Number(/^syscw: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'latin1'))?.[1])
}

/** Files, and so connections, that a process may have open. */
export function openFilesAtMost(): number {
  const limit = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
  return limit === 'unlimited' ? Infinity : Number(limit)
}
