import { expect } from 'chai'
import { pino } from 'pino'
import type { Delivery } from '../../shared/protocol.ts'
import { monitorDelivery } from '../../server/realtime/delivery/delivery.ts'
import type { LocalRoom } from '../../server/realtime/rooms/local-room.ts'
import { waitUntil } from '../support/wait.ts'

/** What the monitor takes for a process that was blocked. */
const STALL_MS = 1_050

describe('delivery monitor', () => {
  it('tells of rooms that stay in doubt before it says that the node is proved, also after a stall', async () => {
    const told: Delivery[] = []
    const connection = {
      onDelivery: ({ payload }: { readonly payload: Delivery }) => void told.push(payload),
    }
    const room = { name: 'g', room: { group: 'g' }, flush: () => undefined } as unknown as LocalRoom
    const alone = new Map<LocalRoom, number>()
    let isDelivering = false
    const monitor = monitorDelivery({
      broker: {
        isDelivering: () => isDelivering,
        probeAgeMs: () => (isDelivering ? 0 : 60_000),
        reasons: () => [],
        heartbeats: async () => [],
      },
      rooms: {
        lag: { has: () => true, alone: () => alone, ofNodeSinceMs: () => undefined },
        all: () => [room],
      },
      hub: { listenersOf: () => [connection], isListening: () => true },
      sessions: { all: () => [connection] },
      log: pino({ level: 'silent' }),
    } as unknown as Parameters<typeof monitorDelivery>[0])
    try {
      await waitUntil('the node is in doubt', () => told.length === 1, 4_000)
      alone.set(room, performance.now())
      const endMs = performance.now() + STALL_MS
      while (performance.now() < endMs);
      isDelivering = true
      await waitUntil('the node is proved', () => told.some(({ proved }) => proved))
      expect(told.map(({ proved, rooms }) => [proved, rooms?.length])).to.deep.equal([
        [false, undefined],
        [false, 1],
        [true, undefined],
      ])
    } finally {
      monitor.stop()
    }
  }).timeout(6_000)
})
