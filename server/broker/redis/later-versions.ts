import { NEWEST_READABLE_VERSION } from '../../../shared/version.ts'
import type { Logger } from '../../telemetry/logger.ts'

/** What stands in Redis of a version that this process cannot read. */
export interface LaterVersions {
  /** Logs that something of this version could not be read. */
  note(version: number, fields: Readonly<Record<string, string | number>>): void
  /** Returns what to tell the operator, in at most one sentence. */
  warnings(): readonly string[]
}

/** Remembers for as long as this process runs: only an update of it helps. */
export function createLaterVersions({ log }: { readonly log: Logger }): LaterVersions {
  let latest = 0
  return {
    note(version, fields) {
      latest = Math.max(latest, version)
      log.error({ version, ...fields }, 'Redis holds something of a version that this process cannot read')
    },
    warnings: () =>
      latest === 0
        ? []
        : [
            `Redis holds something of version ${latest}, and this process reads up to ${NEWEST_READABLE_VERSION}: update it, one version after the other`,
          ],
  }
}
