import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { getHeapStatistics } from 'node:v8'
import { controlGroupLimit } from './control-groups.ts'

/** What this process may take, in bytes. */
interface MemoryLimits {
  /** All of it: the least limit of its control groups (the container), or else what the machine has. */
  readonly totalBytes: number
  /** The heap of V8 alone; `--max-old-space-size`. */
  readonly heapBytes: number
}

const MIB = 2 ** 20
/** A lower budget would send clients away that are merely slow: one of them may hold 1 MiB. */
export const MIN_BUDGET_MB = 16
/** Of the memory of the process. The rest is for the gateway itself, its sockets, and what V8 has not collected yet. */
const DEFAULT_SHARE_OF_TOTAL = 1 / 4
const MAX_SHARE = 1 / 2
/** A process this close to its limits is about to be ended, whatever the account says. */
const NEAR_LIMIT = 0.92

export function memoryLimits(): MemoryLimits {
  // 0, or more than there is, without a limit.
  const constrained = process.constrainedMemory() || Infinity
  return {
    totalBytes: Math.min(totalmem(), constrained, controlGroupLimit()),
    heapBytes: getHeapStatistics().heap_size_limit,
  }
}

/** Returns the budget for what waits, in MiB, where none is set. */
export const defaultBudgetMb = ({ totalBytes, heapBytes } = memoryLimits()): number =>
  Math.max(
    MIN_BUDGET_MB,
    Math.floor(Math.min(totalBytes * DEFAULT_SHARE_OF_TOTAL, heapBytes * MAX_SHARE) / MIB),
  )

/** Returns the largest budget that can be kept: beyond it, the process would be ended before the budget is used up. */
export const maxBudgetMb = ({ totalBytes, heapBytes } = memoryLimits()): number =>
  Math.max(MIN_BUDGET_MB, Math.floor((Math.min(totalBytes, heapBytes) * MAX_SHARE) / MIB))

/** Whether the process is about to reach a limit of its memory. Takes about 100 µs. */
export function isNearMemoryLimit({ totalBytes, heapBytes } = memoryLimits()): boolean {
  const { used_heap_size: used } = getHeapStatistics()
  return used > heapBytes * NEAR_LIMIT || memoryInUse() > totalBytes * NEAR_LIMIT
}

/**
 * Returns how many bytes of memory the process takes that the system cannot take back. Pages of files are not among them: those of
 * the embedded broker's store stay in memory while nobody else needs it. Only Linux tells them apart.
 */
export function memoryInUse(): number {
  try {
    const [, kib] = /^RssAnon:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? []
    if (kib !== undefined) return Number(kib) * 1024
  } catch {
    // Another system.
  }
  return process.memoryUsage.rss()
}
