import { setTimeout as delay } from 'node:timers/promises'
import { GOODBYES } from '../../shared/errors.ts'
import type { GatewaySocket } from './gateway-socket.ts'

const SLICE_EVERY_MS = 100
/** Spreads those who come back over a moment, so that the next node meets no wall. */
const RETRY_AT_MOST_MS = 2_000

/**
 * Says goodbye to the sockets in equal slices over `overMs` and closes them in a way that makes clients come back: their
 * transport, not their session.
 */
export async function drainSockets(sockets: readonly GatewaySocket[], overMs: number): Promise<void> {
  const slices = Math.max(1, Math.floor(overMs / SLICE_EVERY_MS))
  const perSlice = Math.ceil(sockets.length / slices)
  for (let i = 0; i < sockets.length; i += perSlice) {
    if (i > 0) await delay(SLICE_EVERY_MS)
    for (const socket of sockets.slice(i, i + perSlice)) {
      socket.emit('goodbye', {
        ...GOODBYES.DRAINING,
        retryInMs: Math.round(Math.random() * RETRY_AT_MOST_MS),
      })
      socket.conn.close()
    }
  }
}
