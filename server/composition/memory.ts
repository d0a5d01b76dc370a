import * as options from '../config/options.ts'
import type { Config } from '../config/settings.ts'
import { MemoryBudget } from '../lib/memory-budget.ts'
import { isNearMemoryLimit, memoryLimits } from '../lib/memory-limit.ts'
import type { Logger } from '../telemetry/logger.ts'

/** Creates the budget for all that waits for slow peers in this process. */
export function createMemoryBudget(config: Config, log: Logger): MemoryBudget {
  const limits = memoryLimits()
  const { bytes } = options.memory(config)
  return new MemoryBudget(
    { bytes, isNearLimit: () => isNearMemoryLimit(limits) },
    {
      onPressure: (waitingBytes) =>
        log.warn(
          { waitingBytes, budgetBytes: bytes },
          'memory is short: the fattest connections are sent away, and new ones refused',
        ),
      onRelief: (durationMs) => log.info({ durationMs: Math.round(durationMs) }, 'memory is free again'),
      onFailure: (err) => log.error({ err }, 'cannot send a connection away to free memory'),
    },
  )
}
