import { createRequire, syncBuiltinESMExports } from 'node:module'
import type { HeapInfo } from 'node:v8'

const require = createRequire(import.meta.url)

const MIB = 2 ** 20

function memoryUsage(): NodeJS.MemoryUsage {
  return { rss: 100 * MIB, heapTotal: 50 * MIB, heapUsed: 30 * MIB, external: MIB, arrayBuffers: MIB }
}
memoryUsage.rss = (): number => 100 * MIB

/** Sees nothing. */
class PerformanceObserver {
  observe(): void {}
  disconnect(): void {}
}

/** Has measured nothing. */
const loopDelay = {
  min: 0,
  max: 0,
  mean: 0,
  stddev: 0,
  percentile: () => 0,
  enable: () => true,
  disable: () => true,
  reset: () => undefined,
}

/**
 * What Node measures of the real process says nothing of a simulated one, differs from run to run, and takes time: each life of a
 * gateway would measure its event loop and its garbage for ever.
 */
export function replaceMeasures(): void {
  const v8 = require('node:v8') as { getHeapStatistics(): HeapInfo }
  const heap: HeapInfo = { ...v8.getHeapStatistics(), used_heap_size: 30 * MIB }
  v8.getHeapStatistics = () => heap
  Object.assign(process, { memoryUsage, cpuUsage: () => ({ user: 0, system: 0 }) })
  Object.assign(require('node:perf_hooks') as object, {
    PerformanceObserver,
    monitorEventLoopDelay: () => loopDelay,
  })
  syncBuiltinESMExports()
}
