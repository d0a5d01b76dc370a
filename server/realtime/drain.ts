import { setTimeout as delay } from 'node:timers/promises'
import { GOODBYES } from '../../shared/errors.ts'
import type { Goodbye } from '../../shared/protocol.ts'

const SLICE_MS = 100
/** Spreads reconnects, so that they do not hit the next node all at the same moment. */
const MAX_RETRY_DELAY_MS = 2_000

/** Says goodbye to a connection and closes it, so that its client reconnects. */
export type Dismiss = (goodbye: Goodbye) => void

/**
 * Dismisses connections in equal slices over `overMs`. Takes `overMs` even without any: a load balancer needs as long to see
 * that this process is not ready.
 */
export async function dismissInSlices(dismissals: readonly Dismiss[], overMs: number): Promise<void> {
  const slices = Math.max(1, Math.floor(overMs / SLICE_MS))
  const end = (slice: number): number => Math.round((slice * dismissals.length) / slices)
  for (let slice = 0; slice < slices; slice++) {
    for (const dismiss of dismissals.slice(end(slice), end(slice + 1)))
      dismiss({ ...GOODBYES.DRAINING, retryInMs: Math.round(Math.random() * MAX_RETRY_DELAY_MS) })
    if (overMs > 0) await delay(SLICE_MS)
  }
}
