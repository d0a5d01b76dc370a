import { isRecord } from '../../../shared/json.ts'
import { isReadableVersion } from '../../../shared/version.ts'

/** A doubt must not become so old that a client cannot say since when. */
export const MAX_SPOOL_AGE_MS = 30 * 86_400_000

/** What a heartbeat says of the disk of its process. */
export interface Report {
  readonly dataFolder: string | undefined
  readonly sentMs: number | undefined
  readonly recalls: number
  readonly spoolAgeMs: number
  readonly isReady: boolean
  readonly isStopping: boolean
}

/**
 * Reads what a heartbeat says of a disk; undefined if the process has none. Tolerant: other versions say more, or less; what
 * those say that are newer by two may mean anything.
 */
export function parseReport(text: string): Report | 'later' | undefined {
  try {
    const state: unknown = JSON.parse(text)
    if (!isRecord(state)) return undefined
    if (!isReadableVersion(state['v'])) return 'later'
    if (!isRecord(state['spool'])) return undefined
    const { recalls, ageMs } = state['spool']
    if (typeof recalls !== 'number' || typeof ageMs !== 'number') return undefined
    const { dataFolder, sentMs, ready, stopping } = state
    return {
      dataFolder: typeof dataFolder === 'string' ? dataFolder : undefined,
      sentMs: Number.isSafeInteger(sentMs) ? Number(sentMs) : undefined,
      recalls,
      spoolAgeMs: Math.min(Math.max(0, ageMs), MAX_SPOOL_AGE_MS),
      isReady: ready === true,
      isStopping: stopping === true,
    }
  } catch {
    return undefined
  }
}
