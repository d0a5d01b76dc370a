import { mock } from 'node:test'
import { expect } from 'chai'
import { pino } from 'pino'
import { LocalRooms } from '../../server/realtime/rooms/local-rooms.ts'
import { createMetrics } from '../../server/telemetry/metrics.ts'

const HEAD = { epoch: 'e', offset: 0 }
const MINUTE_MS = 60_000

describe('checks of heads', () => {
  it('renew what is stored every half hour, again if that fails, and else only read', async () => {
    let nowMs = performance.now()
    const now = mock.method(performance, 'now', () => nowMs)
    const renewed: (boolean | undefined)[] = []
    let isAway = false
    const rooms = new LocalRooms(
      { batchWindowMs: 0 },
      {
        broker: {
          heads: async (some, options) => {
            renewed.push(options?.renews)
            if (isAway) throw new Error('away')
            return some.map(() => HEAD)
          },
          subscribe: async () => ({ leave: () => undefined }),
          history: () => Promise.reject(new Error('nothing to read')),
          excerpts: () => Promise.reject(new Error('nothing to compare')),
          newEpoch: async () => undefined,
          probeAgeMs: () => 0,
        },
        hub: { broadcast: () => undefined, broadcastGap: () => undefined },
        metrics: createMetrics(),
        log: pino({ level: 'silent' }),
      },
    )
    try {
      await rooms.acquire({ group: 'g' })
      const checkAfter = async (ms: number): Promise<void> => {
        nowMs += ms
        await rooms.tryCheckHeads()
      }
      await checkAfter(MINUTE_MS)
      await checkAfter(30 * MINUTE_MS)
      isAway = true
      await checkAfter(31 * MINUTE_MS)
      isAway = false
      await checkAfter(MINUTE_MS)
      await checkAfter(MINUTE_MS)
      // The first one opens the room.
      expect(renewed).to.deep.equal([undefined, false, true, true, true, false])
    } finally {
      rooms.closeAll()
      now.mock.restore()
    }
  })
})
