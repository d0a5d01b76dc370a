import { setTimeout as delay } from 'node:timers/promises'
import { GOODBYES } from '../../../shared/errors.ts'
import type { GatewaySocket } from './internals.ts'

const SLICE_INTERVAL_MS = 100
/** Spreads those who come back over a moment, so that the next node meets no wall. */
const MAX_RETRY_DELAY_MS = 2_000

/**
 * Says goodbye to the sockets in equal slices over `overMs` and closes them in a way that makes clients come back: their
 * transport, not their session. Takes `overMs` also without any socket: a load balancer needs as long to see that this
 * process is not ready.
 */
export async function drainSockets(sockets: readonly GatewaySocket[], overMs: number): Promise<void> {
  const slices = Math.max(1, Math.floor(overMs / SLICE_INTERVAL_MS))
  const end = (slice: number): number => Math.round((slice * sockets.length) / slices)
  for (let slice = 0; slice < slices; slice++) {
    for (const socket of sockets.slice(end(slice), end(slice + 1))) {
      socket.emit('goodbye', {
        ...GOODBYES.DRAINING,
        retryInMs: Math.round(Math.random() * MAX_RETRY_DELAY_MS),
      })
      socket.conn.close()
    }
    if (overMs > 0) await delay(SLICE_INTERVAL_MS)
  }
}
