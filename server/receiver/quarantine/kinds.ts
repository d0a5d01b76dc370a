import type { QuarantineKind } from '../../../shared/http-api/quarantine.ts'

interface KindLimits {
  readonly maxEntries: number
  /** Of QUARANTINE_MAX_BYTES. */
  readonly share: number
}

/**
 * Recalls were answered with OK, and so were most requests that the relay gave up: more of them are kept, and webhooks that nobody
 * understands do not evict them.
 */
export const KIND_LIMITS: Readonly<Record<QuarantineKind, KindLimits>> = {
  webhook: { maxEntries: 1_000, share: 1 / 8 },
  recall: { maxEntries: 50_000, share: 1 / 2 },
  relay: { maxEntries: 10_000, share: 1 / 4 },
  rotten: { maxEntries: 1_000, share: 1 / 8 },
}

export const KINDS = Object.keys(KIND_LIMITS) as QuarantineKind[]
