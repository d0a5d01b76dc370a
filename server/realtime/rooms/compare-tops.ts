import { setTimeout as delay } from 'node:timers/promises'
import type { Broker } from '../../broker/broker.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { LocalRooms } from './local-rooms.ts'

/** How long a notice that got lost on its way to a quiet room can go unnoticed. */
const COMPARE_EVERY_MS = 30_000

/**
 * Looks every half minute, in one round trip, whether the logs end where the rooms of this node stand: a lost notice shows
 * by itself only when another one follows. Ends when `stop` is aborted; never rejects.
 */
export async function compareTops(
  rooms: LocalRooms,
  broker: Broker,
  log: Logger,
  stop: AbortSignal,
): Promise<void> {
  while (!stop.aborted) {
    // Jitter keeps the nodes apart.
    const ms = COMPARE_EVERY_MS * (0.75 + Math.random() / 2)
    await delay(ms, undefined, { signal: stop, ref: false }).catch(() => undefined)
    if (stop.aborted) return
    const open = rooms.all()
    const seen = open.map(({ position }) => position)
    try {
      const tops = await broker.top(open.map(({ room }) => room))
      for (const [i, room] of open.entries()) {
        const [before, top] = [seen[i], tops[i]]
        if (before !== undefined && top !== undefined) room.compare(before, top)
      }
    } catch (err) {
      log.debug({ err }, 'tops could not be compared')
    }
  }
}
