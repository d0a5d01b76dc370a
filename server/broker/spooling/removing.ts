import type { Logger } from '../../telemetry/logger.ts'
import type { Spool } from './spool.ts'

/**
 * Returns the spool with a `remove` that never rejects: a disk that is full or failing must not hold up what is published. It has
 * removed the recalls for this process, and writes that down with the next ones; a process that is killed before publishes them again,
 * as repeats. Logged once until the disk takes it.
 */
export function removingAnyway(spool: Spool, log: Logger): Spool {
  let hasFailed = false
  return {
    ...spool,
    async remove(confirmed) {
      try {
        await spool.remove(confirmed)
        hasFailed = false
      } catch (err) {
        if (!hasFailed)
          log.error({ err }, 'cannot write which recalls of the spool are published, it goes on without')
        hasFailed = true
      }
    },
  }
}
